package main

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

type authorizer struct {
	auth.UnimplementedAuthorizationServer
}

// Check says what x-say holds, a CheckResponse as JSON in base64, and tells what it was asked in x-saw. x-do: slow,
// or error.
func (*authorizer) Check(ctx context.Context, request *auth.CheckRequest) (*auth.CheckResponse, error) {
	http := request.GetAttributes().GetRequest().GetHttp()
	field := func(name string) string {
		for _, raw := range http.GetHeaderMap().GetHeaders() {
			if raw.GetKey() == name {
				return string(raw.GetRawValue())
			}
		}
		return http.GetHeaders()[name]
	}
	switch field("x-do") {
	case "slow":
		say("SLOW")
		select {
		case <-ctx.Done():
			say("CANCELLED")
			return nil, ctx.Err()
		case <-time.After(5 * time.Second):
		}
	case "error":
		return nil, status.Error(codes.Internal, "told so")
	}
	response := &auth.CheckResponse{}
	text, err := base64.StdEncoding.DecodeString(field("x-say"))
	if err == nil && len(text) > 0 {
		err = protojson.Unmarshal(text, response)
	}
	if err != nil {
		return nil, err
	}
	ok := response.GetOkResponse()
	if ok != nil {
		given, _ := metadata.FromIncomingContext(ctx)
		saw := func(name, value string) {
			header := &core.HeaderValue{Key: name, Value: base64.StdEncoding.EncodeToString([]byte(value))}
			ok.Headers = append(ok.Headers, &core.HeaderValueOption{Header: header})
		}
		saw("x-saw", encode(request))
		for _, name := range []string{":authority", "x-initial"} {
			if values := given.Get(name); len(values) > 0 {
				saw("x-given-"+strings.TrimPrefix(name, ":"), values[0])
			}
		}
	}
	return response, nil
}
