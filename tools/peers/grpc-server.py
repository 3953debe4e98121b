"""A server on Python's grpcio for src/load/grpc/grpc-load.peer.test.ts: the kinds of calls that there are, over bytes.

Prints its port, and at its end (standard input closes) what it was sent, as JSON.
"""

import json
import sys
import time
from concurrent import futures

import grpc

seen = {"calls": 0, "messages": 0, "lengths": [], "metadata": [], "deadlines": [], "first": ""}


def note(context, messages):
    seen["calls"] += 1
    seen["messages"] += len(messages)
    seen["lengths"] = sorted({*seen["lengths"], *map(len, messages)})
    seen["first"] = seen["first"] or (messages[0].hex() if messages else "")
    seen["metadata"] = sorted({*seen["metadata"], *(v for k, v in context.invocation_metadata() if k == "x-who")})
    left = context.time_remaining()
    if left is not None and left < 1e6:
        seen["deadlines"] = [min([left, *seen["deadlines"]])]


def unary(request, context):
    note(context, [request])
    return request


def refused(request, context):
    note(context, [request])
    context.abort(grpc.StatusCode.NOT_FOUND, "nobody of that name")


def slow(request, context):
    note(context, [request])
    time.sleep(0.5)
    return request


def collect(requests, context):
    messages = list(requests)
    note(context, messages)
    return messages[-1]


def tell(request, context):
    note(context, [request])
    for _ in range(3):
        yield request


def talk(requests, context):
    messages = []
    for message in requests:
        messages.append(message)
        yield message
    note(context, messages)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers(
    [
        grpc.method_handlers_generic_handler(
            "bank.v1.Teller",
            {
                "Unary": grpc.unary_unary_rpc_method_handler(unary),
                "Refused": grpc.unary_unary_rpc_method_handler(refused),
                "Slow": grpc.unary_unary_rpc_method_handler(slow),
                "Collect": grpc.stream_unary_rpc_method_handler(collect),
                "Tell": grpc.unary_stream_rpc_method_handler(tell),
                "Talk": grpc.stream_stream_rpc_method_handler(talk),
            },
        )
    ]
)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(0)
print(json.dumps(seen), flush=True)
