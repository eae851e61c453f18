"""The package `busrt-async` at a broker whose address is the argument; and with `busrt`."""

import asyncio
import sys

import busrt
import busrt_async
from busrt_async.client import OP_BROADCAST, OP_MESSAGE, OP_PUBLISH, OP_SUBSCRIBE, Frame
from busrt_async.rpc import Notification, Request, Rpc, RpcException

ADDRESS = sys.argv[1]
PATIENCE = 20


async def connect(name):
    client = busrt_async.client.Client(ADDRESS, name)
    client.frames_seen = asyncio.Queue()
    client.on_frame = client.frames_seen.put
    await client.connect()
    assert client.is_connected()
    return client


async def done(sending):
    code = await (await sending).wait_completed(timeout=PATIENCE)
    assert code == 1, hex(code)


def send(client, target, payload, kind=OP_MESSAGE, qos=1):
    return client.send(target, Frame(payload, tp=kind, qos=qos))


async def seen(client):
    frame = await asyncio.wait_for(client.frames_seen.get(), PATIENCE)
    return frame.type, frame.sender, frame.topic, frame.payload


async def frames():
    a, b = await connect('pa.a'), await connect('pa.b')
    masks = Frame(tp=OP_SUBSCRIBE, qos=1)
    masks.topic = ['t/1', 'w/#']
    await done(a.send(None, masks))
    for qos in range(4):
        sending = send(b, 't/1', b'by %d' % qos, OP_PUBLISH, qos)
        await done(sending)
        assert await seen(a) == (OP_PUBLISH, 'pa.b', 't/1', b'by %d' % qos)
    await done(send(b, 'pa.a', b'for you'))
    assert await seen(a) == (OP_MESSAGE, 'pa.b', None, b'for you')
    await done(send(b, 'pa.*', b'for all', OP_BROADCAST))
    for client in (a, b):
        assert await seen(client) == (OP_BROADCAST, 'pa.b', None, b'for all')
    large = bytes(range(256)) * 8192
    await done(send(b, 'w/large', large, OP_PUBLISH))
    assert await seen(a) == (OP_PUBLISH, 'pa.b', 'w/large', large)
    code = await (await send(b, 'nobody', b'')).wait_completed(timeout=PATIENCE)
    assert code == 0x71, hex(code)
    await a.unsubscribe('t/1')
    await done(send(a, 'pa.a', b'now'))
    assert await seen(a) == (OP_MESSAGE, 'pa.a', None, b'now')
    await done(send(b, 't/1', b'nobody', OP_PUBLISH))
    await done(send(b, 'w/1', b'still', OP_PUBLISH))
    assert await seen(a) == (OP_PUBLISH, 'pa.b', 'w/1', b'still')
    try:
        await connect('pa.a')
    except RuntimeError as error:
        assert '0x76' in str(error), error
    else:
        raise AssertionError('two clients with one name')
    await a.disconnect()
    await b.disconnect()
    for _ in range(50):
        await (await connect('pa.a')).disconnect()


async def on_call(event):
    if event.method == b'echo':
        return event.get_payload()
    raise RpcException('oops', code=-777)


async def expect_error(calling, code):
    try:
        await (await calling).wait_completed(timeout=PATIENCE)
    except RpcException as error:
        assert error.rpc_error_code == code, error
    else:
        raise AssertionError('no error')


async def calls():
    ends = [Rpc(await connect(name)) for name in ('pa.x', 'pa.y')]
    notes = asyncio.Queue()

    async def on_notification(event):
        await notes.put(event.get_payload())

    for end in ends:
        end.on_call = on_call
        end.on_notification = on_notification
    for own, other in (ends, ends[::-1]):
        name = other.client.name
        for params in (b'', b'\x00params', b'x' * 100000):
            call = await own.call(name, Request('echo', params))
            await call.wait_completed(timeout=PATIENCE)
            assert call.get_payload() == params
        await expect_error(own.call(name, Request('fail')), -777)
        await expect_error(own.call('nobody', Request('echo')), -32000 - 0x71)
        await expect_error(own.call('.broker', Request('nope')), -32601)
        await done(own.notify(name, Notification(b'hi')))
        assert await asyncio.wait_for(notes.get(), PATIENCE) == b'hi'
    await with_blocking(ends[0])
    for end in ends:
        await end.client.disconnect()


async def with_blocking(end):
    """Calls of the other package, and from it."""
    client = busrt.client.Client(ADDRESS, 'pa.blocking')
    client.connect()
    other = busrt.rpc.Rpc(client)
    other.on_call = lambda event: b'blocking ' + event.get_payload()
    call = await end.call('pa.blocking', Request('echo', b'hello'))
    await call.wait_completed(timeout=PATIENCE)
    assert call.get_payload() == b'blocking hello'

    def call_back():
        request = busrt.rpc.Request('echo', b'hello')
        return other.call('pa.x', request).wait_completed(timeout=PATIENCE).get_payload()

    result = await asyncio.get_running_loop().run_in_executor(None, call_back)
    assert result == b'hello'
    client.disconnect()


async def main():
    await frames()
    await calls()
    print('all well')


asyncio.run(main())
