"""A small real HTTP service with faults to order: ``python answering.py '{"stall_at": 100}'``.

Prints its port, then serves until it is killed. Faults count requests over all connections.
"""

import asyncio
import json
import os
import struct
import sys
import time

import httptools

FAULTS = {
    "status": 200,  # of every answer
    "status_from": 1,  # first request that gets it; earlier ones get 200
    "body_bytes": 64,
    "changing_body": False,  # every answer has another body
    "delay_s": 0.0,  # before every answer
    "work_s": 0.0,  # the whole service is busy so long for every answer
    "stall_at": 0,  # the whole service stands still once, at this request
    "stall_s": 0.0,
    "hang_at": 0,  # no answer to this request
    "hang_from": 0,  # no answer from this request on
    "die_at": 0,  # the process ends at this request
    "close_every": 0,  # every so many answers say Connection: close
    "cut_at": 0,  # the connection is dropped instead of this answer
    "garbage_at": 0,  # this answer is not HTTP
    "first_s": 0.0,  # CPU time before the first answer on each connection
    "slow_connection_s": 0.0,  # before every answer on the first connection
    "put_off_s": 0.0,  # CPU time that is used once nobody has asked for 30 ms
    "record": "",  # file that takes the instant of every request, monotonic nanoseconds
}


class Service:
    def __init__(self, **faults):
        self.faults = FAULTS | faults
        self.requests = self.connections = 0
        self.later = None
        record = self.faults["record"]
        self.file = record and os.open(record, os.O_WRONLY | os.O_CREAT)

    def put_work_off(self):
        if self.later:
            self.later.cancel()
        self.later = asyncio.get_running_loop().call_later(
            0.03, self.work, self.faults["put_off_s"]
        )

    def work(self, seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass


class Connection(asyncio.Protocol):
    def __init__(self, service):
        self.service = service
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport):
        self.transport = transport
        self.service.connections += 1
        self.first = self.service.connections == 1
        self.first_s = self.service.faults["first_s"]

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_complete(self):
        self.service.requests += 1
        number, faults = self.service.requests, self.service.faults
        if self.service.file:
            os.write(self.service.file, struct.pack("<q", time.monotonic_ns()))
        if number == faults["die_at"]:
            os._exit(1)
        if number == faults["hang_at"] or 0 < faults["hang_from"] <= number:
            return
        if number == faults["stall_at"]:
            time.sleep(faults["stall_s"])
        self.service.work(self.first_s)
        self.first_s = 0.0
        if faults["put_off_s"]:
            self.service.put_work_off()
        if faults["work_s"]:
            time.sleep(faults["work_s"])
        if number == faults["cut_at"]:
            self.transport.abort()
        elif number == faults["garbage_at"]:
            self.transport.write(b"\x00garbage\r\n\r\n")
        elif delay_s := faults["delay_s"] or (self.first and faults["slow_connection_s"]):
            asyncio.get_running_loop().call_later(delay_s, self.answer, number, faults)
        else:
            self.answer(number, faults)

    def answer(self, number, faults):
        body = b"x" * faults["body_bytes"]
        if faults["changing_body"]:
            body = b"%d" % number
        status = faults["status"] if number >= faults["status_from"] else 200
        last = faults["close_every"] and number % faults["close_every"] == 0
        self.transport.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s"
            % (status, len(body), b"Connection: close\r\n" if last else b"", body)
        )
        if last:
            self.transport.close()


async def main(faults):
    service = Service(**faults)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
