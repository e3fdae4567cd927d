"""What imsh does, done with slixmpp: each verification sends a message that asks for a receipt, with a ping to the
pool behind it, and waits for both.

    client.py fresh|reused SERVER ACCOUNT RECEIVER CA_FILE N AT_ONCE      (the password is in $PASSWORD)
"""

import asyncio
import os
import sys
from pathlib import Path

from slixmpp import ClientXMPP

PATIENCE = 60


class Client(ClientXMPP):
    def __init__(self, account, password, ca_file):
        super().__init__(account, password)
        self.ca_certs = Path(ca_file)
        self.enable_direct_tls = False
        self.register_plugin("xep_0184")
        self.register_plugin("xep_0199")
        self.waiting = {}
        self.add_event_handler("receipt_received", self.receipt)
        self.started = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(None))

    async def log_on(self, host, port):
        self.connect(host, port)
        await asyncio.wait_for(self.started, PATIENCE)

    def receipt(self, message):
        waiting = self.waiting.pop(message["receipt"], None)
        if waiting is not None:
            waiting.set_result(None)

    async def verify(self, receiver):
        message = self.make_message(mto=receiver, mbody="A test message that needs no answer.", mtype="chat")
        message["id"] = self.new_id()
        message["request_receipt"] = True
        has_receipt = asyncio.get_running_loop().create_future()
        self.waiting[message["id"]] = has_receipt
        message.send()
        await asyncio.wait_for(asyncio.gather(self.plugin["xep_0199"].send_ping(self.boundjid.domain), has_receipt), PATIENCE)


async def main():
    way, server, account, receiver, ca_file, n, at_once = sys.argv[1:]
    host, port = server.rsplit(":", 1)
    password, n, at_once = os.environ["PASSWORD"], int(n), int(at_once)
    left = iter(range(n))

    async def log_on():
        client = Client(account, password, ca_file)
        await client.log_on(host, int(port))
        return client

    async def each(shared):
        for _ in left:
            client = shared or await log_on()
            await client.verify(receiver)
            if shared is None:
                await client.disconnect()

    shared = await log_on() if way == "reused" else None
    await asyncio.gather(*(each(shared) for _ in range(min(at_once, n))))
    if shared is not None:
        await shared.disconnect()


asyncio.run(main())
