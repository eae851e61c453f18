"""A client of BUS/RT under TLS that is none of ours: it prints what it gets, and says what it is told.

Arguments: the address without its scheme, the directory with certificates, and the name of the
certificate that it presents, or - for none.
"""

import socket
import ssl
import struct
import sys

PUBLISH, SUBSCRIBE, PROCESSED = 1, 2, 1 << 6
GREETING = b'\xeb\x01\x00'
OK = b'\x01'
PING, ACKNOWLEDGED = 0, 0xfe


def connect(address, directory, certificate):
    context = ssl.create_default_context(cafile=f'{directory}/ca.pem')
    if certificate != '-':
        context.load_cert_chain(f'{directory}/{certificate}.pem', f'{directory}/{certificate}.key')
    if '/' in address:
        plain, name = socket.socket(socket.AF_UNIX), 'localhost'
        plain.connect(address)
    else:
        name, port = address.split(':')
        plain = socket.create_connection((name, int(port)))
    plain.settimeout(20)
    return context.wrap_socket(plain, server_hostname=name)


def read(stream, count):
    data = b''
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def header(stream):
    while True:
        data = read(stream, 6)
        if data[0] != PING:
            return data


def join(stream, name):
    assert read(stream, 3) == GREETING
    stream.sendall(GREETING)
    assert read(stream, 1) == OK
    stream.sendall(struct.pack('<H', len(name)) + name)
    assert read(stream, 1) == OK


def operate(stream, number, operation, body):
    stream.sendall(struct.pack('<IBI', number, operation | PROCESSED, len(body)) + body)
    data = header(stream)
    assert data == struct.pack('<BIB', ACKNOWLEDGED, number, 1), data


def main(address, directory, certificate):
    try:
        stream = connect(address, directory, certificate)
        join(stream, b'python')
    except (ssl.SSLError, ConnectionError, EOFError) as error:
        print('refused', error, flush=True)
        return
    operate(stream, 1, SUBSCRIBE, b'to/python')
    print(stream.version(), flush=True)
    data = header(stream)
    print(read(stream, struct.unpack('<I', data[1:5])[0]).decode().replace('\0', '|'), flush=True)
    operate(stream, 2, PUBLISH, b'from/python\0hello')
    stream.unwrap()


main(*sys.argv[1:])
