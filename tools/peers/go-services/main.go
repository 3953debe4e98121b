// Foreign services of gRPC that proxies call, for src/proxy/filters/*.peer.test.ts: they say what the request tells
// them to say, and what they saw comes back in it.
//
// Output, a line each: "http N" and "port N", then "TRACE JSON" (OTLP) and "ZIPKIN JSON" for each export of
// spans, "ALS JSON" for each message of access logs.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimit "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var output sync.Mutex

func say(format string, args ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", args...)
}

func main() {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := grpc.NewServer()
	auth.RegisterAuthorizationServer(server, &authorizer{})
	ratelimit.RegisterRateLimitServiceServer(server, &limiter{})
	collector.RegisterTraceServiceServer(server, &traces{})
	accesslog.RegisterAccessLogServiceServer(server, &logs{})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(plain, http.HandlerFunc(takeTraces))
	say("http %d", plain.Addr().(*net.TCPAddr).Port)
	say("port %d", socket.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(socket); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func encode(message proto.Message) string {
	text, err := protojson.Marshal(message)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
