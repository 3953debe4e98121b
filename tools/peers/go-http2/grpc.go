package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
)

const anySize = 1 << 30

func grpcServe() {
	listener, err := net.Listen("tcp", *address)
	check("listen", err)
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(anySize), grpc.MaxSendMsgSize(anySize)}
	if *certFile != "" {
		options = append(options, grpc.Creds(credentials.NewTLS(serverTLS())))
	}
	server := grpc.NewServer(options...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	if *reflectOld {
		reflectionv1alpha.RegisterServerReflectionServer(server, reflection.NewServer(reflection.ServerOptions{Services: server}))
	} else {
		reflection.RegisterV1(server)
	}
	fmt.Println("ready")
	check("serve", server.Serve(listener))
}

func serverTLS() *tls.Config {
	config := ownCertificate()
	if *clientCA != "" {
		config.ClientCAs = authorities(*clientCA)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}

func ownCertificate() *tls.Config {
	certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
	check("certificate", err)
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func authorities(file string) *x509.CertPool {
	pem, err := os.ReadFile(file)
	check("authorities", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

func clientCredentials() credentials.TransportCredentials {
	if *certFile == "" {
		return insecure.NewCredentials()
	}
	config := ownCertificate()
	config.RootCAs = authorities(*serverCA)
	return credentials.NewTLS(config)
}

func dial() *grpc.ClientConn {
	conn, err := grpc.NewClient(
		"passthrough:///"+*address,
		grpc.WithTransportCredentials(clientCredentials()),
		grpc.WithAuthority("ledger"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(anySize), grpc.MaxCallSendMsgSize(anySize)),
	)
	check("dial", err)
	return conn
}

func grpcCall() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn := dial()
	client := testgrpc.NewTestServiceClient(conn)
	// Those of the suite end the program themselves where they fail.
	suite := []struct {
		name string
		call func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)
	}{
		{"empty_unary", interop.DoEmptyUnaryCall},
		{"large_unary", interop.DoLargeUnaryCall},
		{"client_streaming", interop.DoClientStreaming},
		{"server_streaming", interop.DoServerStreaming},
		{"ping_pong", interop.DoPingPong},
		{"empty_stream", interop.DoEmptyStream},
		{"timeout_on_sleeping_server", interop.DoTimeoutOnSleepingServer},
		{"cancel_after_begin", interop.DoCancelAfterBegin},
		{"cancel_after_first_response", interop.DoCancelAfterFirstResponse},
		{"custom_metadata", interop.DoCustomMetadata},
		{"status_code_and_message", interop.DoStatusCodeAndMessage},
		{"special_status_message", interop.DoSpecialStatusMessage},
	}
	for _, one := range suite {
		one.call(ctx, client)
		fmt.Println(one.name)
	}
	interop.DoUnimplementedMethod(ctx, conn)
	interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
	fmt.Println("unimplemented")
	binaryMetadata(ctx, client)
	compressed(ctx, client)
	largest(ctx, client)
	deadline(ctx, client)
	manyStreams(ctx)
}

func payload(size int) *testgrpc.Payload {
	return &testgrpc.Payload{Body: make([]byte, size)}
}

// All bytes come back, in the head and in the trailers, though -bin values look like nothing else.
func binaryMetadata(ctx context.Context, client testgrpc.TestServiceClient) {
	value := make([]byte, 256)
	for index := range value {
		value[index] = byte(index)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "x-grpc-test-echo-trailing-bin", string(value))
	var trailer metadata.MD
	_, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{Payload: payload(1)}, grpc.Trailer(&trailer))
	check("binary_metadata", err)
	if got := trailer.Get("x-grpc-test-echo-trailing-bin"); len(got) != 1 || got[0] != string(value) {
		fail("binary_metadata", fmt.Errorf("got %q", got))
	}
	fmt.Println("binary_metadata")
}

func compressed(ctx context.Context, client testgrpc.TestServiceClient) {
	interop.DoLargeUnaryCall(ctx, client, grpc.UseCompressor(gzip.Name))
	interop.DoPingPong(ctx, client, grpc.UseCompressor(gzip.Name))
	fmt.Println("compressed")
}

func largest(ctx context.Context, client testgrpc.TestServiceClient) {
	request := &testgrpc.SimpleRequest{ResponseSize: int32(*large), Payload: payload(*large)}
	reply, err := client.UnaryCall(ctx, request)
	check("largest", err)
	if got := len(reply.GetPayload().GetBody()); got != *large {
		fail("largest", fmt.Errorf("%d bytes came back", got))
	}
	fmt.Println("largest")
}

// Who waits no longer is told so by its own clock or by the proxy, and both say the same.
func deadline(ctx context.Context, client testgrpc.TestServiceClient) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	stream, err := client.FullDuplexCall(ctx)
	check("deadline", err)
	_, err = stream.Recv()
	if status.Code(err) != codes.DeadlineExceeded {
		fail("deadline", err)
	}
	fmt.Println("deadline")
}

// Every stream is open while every other one is, and each carries its own message both ways twice.
func manyStreams(ctx context.Context) {
	clients := make([]testgrpc.TestServiceClient, *connections)
	for index := range clients {
		clients[index] = testgrpc.NewTestServiceClient(dial())
	}
	var opened, done sync.WaitGroup
	opened.Add(*streams)
	done.Add(*streams)
	failed := make(chan error, *streams)
	for index := range *streams {
		go func() {
			defer done.Done()
			stream, err := clients[index%len(clients)].FullDuplexCall(ctx)
			if err == nil {
				err = exchange(stream, index%2000+1)
			}
			opened.Done()
			opened.Wait()
			if err == nil {
				err = exchange(stream, (index*7)%2000+1)
			}
			if err == nil {
				err = stream.CloseSend()
			}
			if err == nil {
				if _, err = stream.Recv(); err == io.EOF {
					err = nil
				}
			}
			if err != nil {
				failed <- err
			}
		}()
	}
	done.Wait()
	if count := len(failed); count > 0 {
		fail("many_streams", fmt.Errorf("%d failed, one of them: %w", count, <-failed))
	}
	fmt.Println("many_streams")
}

func exchange(stream testgrpc.TestService_FullDuplexCallClient, size int) error {
	request := &testgrpc.StreamingOutputCallRequest{
		ResponseParameters: []*testgrpc.ResponseParameters{{Size: int32(size)}},
		Payload:            payload(10),
	}
	if err := stream.Send(request); err != nil {
		return err
	}
	reply, err := stream.Recv()
	if err != nil {
		return err
	}
	if got := len(reply.GetPayload().GetBody()); got != size {
		return fmt.Errorf("%d bytes instead of %d", got, size)
	}
	return nil
}
