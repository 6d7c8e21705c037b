#!/usr/bin/env python3
"""A file over one plain TCP connection: what a link gives to a program that does nothing but copy.

    tcp_copy.py send PORT FILE OFFSET LENGTH    says "ready", waits for one connection, sends that part of the file by sendfile
    tcp_copy.py recv HOST PORT FILE             writes what comes to FILE; prints {"seconds": from connecting to the last byte}
"""
import json
import socket
import sys
import time


def send(port, path, offset, length):
    with socket.create_server(('', port)) as server:
        print('ready', flush=True)
        connection, _ = server.accept()
    with connection, open(path, 'rb') as file:
        connection.sendfile(file, offset, length)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # the other side closes when it has written everything


def receive(host, port, path):
    buffer = memoryview(bytearray(1 << 20))
    count = 0
    start = time.monotonic()
    with socket.create_connection((host, port)) as connection, open(path, 'wb', buffering=0) as file:
        while got := connection.recv_into(buffer):
            file.write(buffer[:got])
            count += got
    print(json.dumps(dict(seconds=time.monotonic() - start, bytes=count)))


if sys.argv[1] == 'send':
    send(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
else:
    receive(sys.argv[2], int(sys.argv[3]), sys.argv[4])
