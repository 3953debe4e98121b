// Go's HTTP/2 on both sides of a proxy: grpc-go with the calls of its own interop suite and some at the limits, and
// x/net/http2. For src/proxy/go-http2.peer.test.ts.
//
// A server prints "ready" when it listens. A client prints a line for each case that went well, and ends with a status
// other than 0 and what went wrong at the first that did not.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

var (
	address     = flag.String("address", "127.0.0.1:0", "to listen on, or to call")
	connections = flag.Int("connections", 10, "that the streams share")
	certFile    = flag.String("cert", "", "of the gRPC server or client; with -key it speaks TLS")
	keyFile     = flag.String("key", "", "")
	clientCA    = flag.String("client-ca", "", "with -cert: only clients with a certificate of this authority")
	serverCA    = flag.String("ca", "", "with -cert: of the server that a client calls")
	reflectOld  = flag.Bool("v1alpha", false, "the server reflects itself as older ones do")
	streams     = flag.Int("streams", 10_000, "open at once")
	large       = flag.Int("large", 100<<20, "bytes of the largest message")
	forTime     = flag.Duration("for", 2*time.Second, "how long to keep calling")
)

func main() {
	flag.Parse()
	modes := map[string]func(){
		"grpc-serve": grpcServe,
		"grpc-call":  grpcCall,
		"http-serve": httpServe,
		"http-call":  httpCall,
		"http-keep":  httpKeep,
	}
	mode, known := modes[flag.Arg(0)]
	if !known {
		fail("mode", fmt.Errorf("one of grpc-serve, grpc-call, http-serve, http-call, http-keep"))
	}
	mode()
}

func fail(name string, err error) {
	fmt.Printf("%s: %v\n", name, err)
	os.Exit(1)
}

// Ends the program where a case went wrong, so that the case's name is the last line.
func check(name string, err error) {
	if err != nil {
		fail(name, err)
	}
}
