// A foreign xDS server for src/xds/go-control-plane.peer.test.ts: serves what its standard input says and reports what
// clients answer.
//
//	set VERSION CLUSTER...                a snapshot with these clusters, no endpoints, one listener and one route
//	                                      to all of them
//	fill VERSION SERVICES ENDPOINTS SALT  the same of so many, with endpoints; those of the first are told apart by
//	                                      SALT
//
// With -quiet nothing is said of answers, for benches.
//
// Output, a line each: "port N", "ack TYPE VERSION", "nack TYPE TEXT", "node ID".
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

var output sync.Mutex

func say(format string, args ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", args...)
}

// All clients are one group: the test runs one at a time.
type oneGroup struct{}

func (oneGroup) ID(*core.Node) string { return "all" }

var quiet = flag.Bool("quiet", false, "say nothing of answers")

func main() {
	flag.Parse()
	snapshots := cache.NewSnapshotCache(true, oneGroup{}, nil)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	grpcServer := grpc.NewServer()
	ads := server.NewServer(context.Background(), snapshots, callbacks())
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, ads)
	go func() { check(grpcServer.Serve(socket)) }()
	say("port %d", socket.Addr().(*net.TCPAddr).Port)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 5 && words[0] == "fill":
			services, endpoints, salt := number(words[2]), number(words[3]), number(words[4])
			var names []string
			for i := 0; i < services; i++ {
				names = append(names, fmt.Sprintf("s%d", i))
			}
			check(snapshots.SetSnapshot(context.Background(), "all", snapshot(words[1], names, endpoints, salt)))
		case len(words) >= 2 && words[0] == "set":
			check(snapshots.SetSnapshot(context.Background(), "all", snapshot(words[1], words[2:], 0, 0)))
		}
	}
	grpcServer.Stop()
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	check(err)
	return value
}

func callbacks() server.Callbacks {
	if *quiet {
		return server.CallbackFuncs{}
	}
	answer := func(node *core.Node, typeURL, nonce, version string, text *string) {
		if node != nil && node.GetId() != "" {
			say("node %s", node.GetId())
		}
		short := typeURL[strings.LastIndex(typeURL, ".")+1:]
		switch {
		case text != nil:
			say("nack %s %s", short, *text)
		case nonce != "":
			say("ack %s %s", short, version)
		}
	}
	return server.CallbackFuncs{
		StreamRequestFunc: func(_ int64, request *discovery.DiscoveryRequest) error {
			answer(request.Node, request.TypeUrl, request.ResponseNonce, request.VersionInfo, detail(request.ErrorDetail))
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, request *discovery.DeltaDiscoveryRequest) error {
			answer(request.Node, request.TypeUrl, request.ResponseNonce, "-", detail(request.ErrorDetail))
			return nil
		},
	}
}

func detail(status interface{ GetMessage() string }) *string {
	if status == nil {
		return nil
	}
	if message, ok := status.(proto.Message); ok && !message.ProtoReflect().IsValid() {
		return nil
	}
	text := status.GetMessage()
	return &text
}

func snapshot(version string, names []string, endpointCount, salt int) *cache.Snapshot {
	var clusters, endpoints []types.Resource
	var hosts []*route.VirtualHost
	for i, name := range names {
		clusters = append(clusters, &cluster.Cluster{
			Name:                 name,
			AltStatName:          altStatName(version, endpointCount),
			ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
			EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: fromAds()},
		})
		endpoints = append(endpoints, &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: addresses(i, endpointCount, salt)})
		hosts = append(hosts, &route.VirtualHost{Name: name, Domains: []string{name}, Routes: []*route.Route{{
			Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
			Action: &route.Route_Route{Route: &route.RouteAction{ClusterSpecifier: &route.RouteAction_Cluster{Cluster: name}}},
		}}})
	}
	made, err := cache.NewSnapshot(version, map[resource.Type][]types.Resource{
		resource.ClusterType:  clusters,
		resource.EndpointType: endpoints,
		resource.ListenerType: {outbound()},
		resource.RouteType:    {&route.RouteConfiguration{Name: "outbound", VirtualHosts: hosts}},
	})
	check(err)
	check(made.Consistent())
	return made
}

// A test wants every cluster to change, a bench one assignment.
func altStatName(version string, endpointCount int) string {
	if endpointCount > 0 {
		return ""
	}
	return version
}

func addresses(service, count, salt int) []*endpoint.LocalityLbEndpoints {
	if count == 0 {
		return nil
	}
	if service > 0 {
		salt = 0
	}
	var all []*endpoint.LbEndpoint
	for i := 0; i < count; i++ {
		address := &core.SocketAddress{
			Address:       fmt.Sprintf("10.%d.%d.%d", service>>8, service&255, i+1),
			PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(8080 + salt)},
		}
		all = append(all, &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: address}},
		}}})
	}
	return []*endpoint.LocalityLbEndpoints{{LbEndpoints: all}}
}

func outbound() *listener.Listener {
	manager := &hcm.HttpConnectionManager{
		StatPrefix:     "outbound",
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{ConfigSource: fromAds(), RouteConfigName: "outbound"}},
		HttpFilters:    []*hcm.HttpFilter{{Name: "router", ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: pack(&router.Router{})}}},
	}
	filter := &listener.Filter{Name: "http", ConfigType: &listener.Filter_TypedConfig{TypedConfig: pack(manager)}}
	return &listener.Listener{Name: "outbound", FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{filter}}}}
}

func fromAds() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
}

func pack(message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	check(err)
	return packed
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
