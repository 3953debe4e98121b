package main

import (
	"context"
	"io"
	"net/http"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

type traces struct {
	collector.UnimplementedTraceServiceServer
}

// Export tells each request to export, by itself.
func (*traces) Export(
	_ context.Context, request *collector.ExportTraceServiceRequest,
) (*collector.ExportTraceServiceResponse, error) {
	say("TRACE %s", encode(request))
	return &collector.ExportTraceServiceResponse{}, nil
}

// OTLP over HTTP, and Zipkin's JSON as it comes.
func takeTraces(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	if request.URL.Path != "/v1/traces" {
		say("ZIPKIN %s", body)
		answer.WriteHeader(http.StatusAccepted)
		return
	}
	export := &collector.ExportTraceServiceRequest{}
	if err := proto.Unmarshal(body, export); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	say("TRACE %s", encode(export))
}
