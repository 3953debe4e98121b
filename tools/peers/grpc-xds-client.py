"""A client on gRPC's C core without a proxy: it learns by xDS (GRPC_XDS_BOOTSTRAP) where the targets of its arguments
are, and for each line that it reads asks each target's health service for the service of that name.

Output, a line a call: "called CODE DETAILS"."""

import sys

import grpc

channels = [grpc.insecure_channel(target) for target in sys.argv[1:]]
checks = [channel.unary_unary("/grpc.health.v1.Health/Check") for channel in channels]
for line in sys.stdin:
    name = line.strip().encode()
    for check in checks:
        try:
            check(b"\x0a" + bytes([len(name)]) + name, timeout=10)
            print("called OK", flush=True)
        except grpc.RpcError as error:
            print("called", error.code().name, error.details(), flush=True)
