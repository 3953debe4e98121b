"""A protocol of its own inside TLS, as a VPN's is, spoken by Python's TLS (OpenSSL).

vpn-server.py CERT KEY CA PROTOCOL: listens on a port of 127.0.0.1, which is the line that it prints. A packet has its
length before it, two bytes. Clients show a certificate of CA and agree to PROTOCOL by ALPN; the server speaks first, and
unasked every 20 ms; what comes it sends back with its bytes reversed.
"""

import asyncio
import ssl
import sys


async def serve(reader, writer):
    def send(packet):
        writer.write(len(packet).to_bytes(2, "big") + packet)

    async def keep():
        while True:
            await asyncio.sleep(0.02)
            send(b"keep")

    inside = writer.get_extra_info("ssl_object")
    subject = dict(pair[0] for pair in inside.getpeercert()["subject"])
    send(f"10.8.0.2 for {subject['commonName']} by {inside.selected_alpn_protocol()}".encode())
    keeping = asyncio.create_task(keep())
    try:
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            send((await reader.readexactly(size))[::-1])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        keeping.cancel()
        writer.close()


async def main(cert, key, ca, protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols([protocol])
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


asyncio.run(main(*sys.argv[1:]))
