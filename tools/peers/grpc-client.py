"""A foreign client on gRPC's C core for src/xds/grpc-python.peer.test.ts.

Arguments: ADDRESS PATH, then requests in hexadecimal, one sent at first and one after each response. Prints "message LENGTH" for each response, and at
the end "status CODE".
"""

import queue
import sys

import grpc

address, path, *requests = sys.argv[1:]
outgoing = queue.Queue()
outgoing.put(bytes.fromhex(requests.pop(0)))
channel = grpc.insecure_channel(
    address,
    options=[("grpc.max_receive_message_length", 1 << 26)],
    compression=grpc.Compression.Gzip,
)
stream = channel.stream_stream(path, request_serializer=None, response_deserializer=None)
call = stream(iter(outgoing.get, None))
try:
    for response in call:
        print("message", len(response), flush=True)
        outgoing.put(bytes.fromhex(requests.pop(0)) if requests else None)
except grpc.RpcError:
    pass
print("status", call.code().value[0], call.details(), flush=True)
