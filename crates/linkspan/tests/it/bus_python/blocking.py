"""The package `busrt` at a broker whose address is the argument."""

import queue
import sys

import busrt
from busrt.client import OP_BROADCAST, OP_MESSAGE, OP_PUBLISH
from busrt.rpc import Notification, Request, Rpc, RpcException

ADDRESS = sys.argv[1]
PATIENCE = 20


def connect(name):
    client = busrt.client.Client(ADDRESS, name)
    client.frames_seen = queue.Queue()
    client.on_frame = client.frames_seen.put
    client.connect()
    assert client.is_connected()
    return client


def done(operation):
    code = operation.wait_completed(timeout=PATIENCE)
    assert code == 1, hex(code)


def send(client, target, payload, kind=OP_MESSAGE, qos=1):
    return client.send(target, busrt.client.Frame(payload, tp=kind, qos=qos))


def seen(client):
    frame = client.frames_seen.get(timeout=PATIENCE)
    return frame.type, frame.sender, frame.topic, frame.payload


def subscribe(client, masks):
    frame = busrt.client.Frame(tp=busrt.client.OP_SUBSCRIBE, qos=1)
    frame.topic = masks
    done(client.send(None, frame))


def frames():
    a, b = connect('py.a'), connect('py.b')
    subscribe(a, ['t/1', 't/+/x', 'w/#'])
    for qos in range(4):
        operation = send(b, 't/1', b'by %d' % qos, OP_PUBLISH, qos)
        assert seen(a) == (OP_PUBLISH, 'py.b', 't/1', b'by %d' % qos)
        done(operation)
    done(send(b, 'w/deep/down', 'text', OP_PUBLISH))
    assert seen(a) == (OP_PUBLISH, 'py.b', 'w/deep/down', b'text')
    done(send(b, 'py.a', b'for you'))
    assert seen(a) == (OP_MESSAGE, 'py.b', None, b'for you')
    done(send(b, 'py.*', b'for all', OP_BROADCAST))
    assert seen(a) == (OP_BROADCAST, 'py.b', None, b'for all')
    assert seen(b) == (OP_BROADCAST, 'py.b', None, b'for all')
    large = bytes(range(256)) * 8192
    done(send(b, 't/1', large, OP_PUBLISH))
    assert seen(a) == (OP_PUBLISH, 'py.b', 't/1', large)
    assert send(b, 'nobody', b'').wait_completed(timeout=PATIENCE) == 0x71
    # Without an ack, so the message to itself says when it was done.
    a.unsubscribe(['t/1', 'w/#'])
    done(send(a, 'py.a', b'now'))
    assert seen(a) == (OP_MESSAGE, 'py.a', None, b'now')
    done(send(b, 't/1', b'nobody', OP_PUBLISH))
    done(send(b, 't/2/x', b'still', OP_PUBLISH))
    assert seen(a) == (OP_PUBLISH, 'py.b', 't/2/x', b'still')
    a.disconnect()
    b.disconnect()


def names():
    first = connect('py.name')
    try:
        connect('py.name')
    except RuntimeError as error:
        assert '0x76' in str(error), error
    else:
        raise AssertionError('two clients with one name')
    secondary = connect('py.name%%1')
    done(send(secondary, 'py.name', b''))
    frame = first.frames_seen.get(timeout=PATIENCE)
    assert frame.sender == 'py.name%%1' and frame.primary_sender == 'py.name'
    secondary.disconnect()
    first.disconnect()


def on_call(event):
    if event.method == b'echo':
        return event.get_payload()
    if event.method == b'fail':
        raise RpcException('oops', code=-777)
    raise RpcException('no such method', code=-32601)


def expect_error(call, code):
    try:
        call.wait_completed(timeout=PATIENCE)
    except RpcException as error:
        assert error.rpc_error_code == code, error
    else:
        raise AssertionError('no error')


def calls():
    ends = [Rpc(connect(name)) for name in ('py.x', 'py.y')]
    notes = queue.Queue()
    for end in ends:
        end.on_call = on_call
        end.on_notification = lambda event: notes.put(event.get_payload())
    for own, other in (ends, ends[::-1]):
        name = other.client.name
        for params in (b'', b'\x00params', b'x' * 100000):
            call = own.call(name, Request('echo', params)).wait_completed(timeout=PATIENCE)
            assert call.get_payload() == params
        expect_error(own.call(name, Request('fail')), -777)
        expect_error(own.call(name, Request('nothing')), -32601)
        expect_error(own.call('nobody', Request('echo')), -32000 - 0x71)
        done(own.notify(name, Notification(b'hi')))
        assert notes.get(timeout=PATIENCE) == b'hi'
        done(own.call0(name, Request('echo')))
        call = own.call('.broker', Request('test')).wait_completed(timeout=PATIENCE)
        assert call.get_payload() == b'\x81\xa2ok\xc3'
        expect_error(own.call('.broker', Request('nope')), -32601)
        expect_error(own.call('.broker', Request('test', b'x')), -32602)
    for end in ends:
        end.client.disconnect()


frames()
names()
calls()
print('all well')
