package main

import (
	"context"
	"encoding/base64"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimit "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

type limiter struct {
	ratelimit.UnimplementedRateLimitServiceServer
}

// ShouldRateLimit says what an entry "say" of a descriptor holds, a RateLimitResponse as JSON in base64, and tells what
// it was asked in x-saw of the answer. "slow" and "error" are words of their own.
func (*limiter) ShouldRateLimit(
	ctx context.Context, request *ratelimit.RateLimitRequest,
) (*ratelimit.RateLimitResponse, error) {
	response := &ratelimit.RateLimitResponse{OverallCode: ratelimit.RateLimitResponse_OK}
	for _, descriptor := range request.GetDescriptors() {
		for _, entry := range descriptor.GetEntries() {
			if entry.GetKey() != "say" {
				continue
			}
			switch entry.GetValue() {
			case "slow":
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(5 * time.Second):
				}
			case "error":
				return nil, status.Error(codes.Internal, "told so")
			}
			text, err := base64.StdEncoding.DecodeString(entry.GetValue())
			if err == nil {
				err = protojson.Unmarshal(text, response)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	saw := base64.StdEncoding.EncodeToString([]byte(encode(request)))
	response.ResponseHeadersToAdd = append(response.ResponseHeadersToAdd, &core.HeaderValue{Key: "x-saw", Value: saw})
	return response, nil
}
