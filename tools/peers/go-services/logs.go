package main

import (
	"io"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
)

type logs struct {
	accesslog.UnimplementedAccessLogServiceServer
}

// StreamAccessLogs tells each message, by itself. Those who end their stream are told nothing but that it is over where
// their log is called "silent".
func (*logs) StreamAccessLogs(stream accesslog.AccessLogService_StreamAccessLogsServer) error {
	silent := false
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			if silent {
				return nil
			}
			return stream.SendAndClose(&accesslog.StreamAccessLogsResponse{})
		}
		if err != nil {
			return err
		}
		silent = message.GetIdentifier().GetLogName() == "silent"
		say("ALS %s", encode(message))
	}
}
