// Foreign xDS clients, any number of them, on grpc-go: each asks for all clusters, the endpoints of each, all listeners
// and their routes, and acknowledges what comes. For src/xds/grpc-go.peer.test.ts and for `npm run bench -- control`.
//
// Output, a line each: "complete STREAMS MS" when every stream has everything, "broken TEXT" for a stream that ended,
// and after a line "expect TYPE" on the standard input "changed TYPE STREAMS P50 P99" (milliseconds since that line)
// once every stream was sent something of that type. A line "bytes" is answered "bytes ENDPOINTS ALL": of all responses
// since the start or the last such line.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

var (
	address     = flag.String("address", "", "of the server")
	streams     = flag.Int("streams", 1, "how many")
	connections = flag.Int("connections", 1, "that they share")
	window      = flag.Int("window", 0, "bytes of a stream's and a connection's window; 0: grpc-go's default")
	sotw        = flag.Bool("sotw", false, "state of the world instead of incremental")
	compress    = flag.Bool("gzip", false, "compress requests")
	clusters    = flag.Int("clusters", 1, "how many each is to have with their endpoints")
	node        = flag.String("node", "sidecar~go-%d.bank", "id, with the stream's number")
	app         = flag.String("app", "", "label app of the node")
)

var (
	output   sync.Mutex
	done     = make(chan int, 100_000)
	expected string
	since    time.Time
	times    []float64
	seen     map[int]bool
	received [2]atomic.Int64
)

func say(format string, args ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", args...)
}

func main() {
	flag.Parse()
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20)),
	}
	if *window > 0 {
		options = append(options, grpc.WithInitialWindowSize(int32(*window)), grpc.WithInitialConnWindowSize(int32(*window)))
	}
	if *compress {
		options = append(options, grpc.WithDefaultCallOptions(grpc.UseCompressor("gzip")))
	}
	started := time.Now()
	var clients []discovery.AggregatedDiscoveryServiceClient
	for i := 0; i < *connections; i++ {
		connection, err := grpc.NewClient(*address, options...)
		if err != nil {
			panic(err)
		}
		clients = append(clients, discovery.NewAggregatedDiscoveryServiceClient(connection))
	}
	for i := 0; i < *streams; i++ {
		go run(i, clients[i%len(clients)])
	}
	go func() {
		for i := 0; i < *streams; i++ {
			<-done
		}
		say("complete %d %d", *streams, time.Since(started).Milliseconds())
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 2 && words[0] == "expect" {
			output.Lock()
			expected, since, times, seen = words[1], time.Now(), nil, map[int]bool{}
			output.Unlock()
		} else if len(words) == 1 && words[0] == "bytes" {
			say("bytes %d %d", received[0].Swap(0), received[1].Swap(0))
		}
	}
}

// Counts what a response weighs.
func weigh(typeURL string, message proto.Message) {
	size := int64(proto.Size(message))
	received[1].Add(size)
	if typeURL == resource.EndpointType {
		received[0].Add(size)
	}
}

// One stream's news of a type.
func heard(number int, typeURL string) {
	output.Lock()
	defer output.Unlock()
	if expected == "" || !strings.HasSuffix(typeURL, "."+expected) || seen[number] {
		return
	}
	seen[number] = true
	times = append(times, float64(time.Since(since).Microseconds())/1000)
	if len(times) < *streams {
		return
	}
	sort.Float64s(times)
	at := func(share float64) float64 { return times[int(share*float64(len(times)-1))] }
	fmt.Printf("changed %s %d %.1f %.1f\n", expected, len(times), at(0.5), at(0.99))
	expected = ""
}

func nodeOf(number int) *core.Node {
	fields := map[string]any{"namespace": "bank", "listen": map[string]any{"outbound": "127.0.0.1:15001", "inbound": "127.0.0.1:15006"}}
	if *app != "" {
		fields["labels"] = map[string]any{"app": *app}
	}
	metadata, err := structpb.NewStruct(fields)
	if err != nil {
		panic(err)
	}
	return &core.Node{Id: fmt.Sprintf(*node, number), Cluster: "go", Metadata: metadata}
}

// What one stream holds: names by type.
type picture struct {
	number    int
	clusters  map[string]bool
	endpoints map[string]bool
	listeners map[string]bool
	routes    map[string]bool
	told      bool
}

func (p *picture) check() {
	if p.told || len(p.clusters) < *clusters || len(p.endpoints) < *clusters || len(p.listeners) == 0 || len(p.routes) == 0 {
		return
	}
	p.told = true
	done <- p.number
}

func run(number int, client discovery.AggregatedDiscoveryServiceClient) {
	p := &picture{number, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, false}
	var err error
	if *sotw {
		err = runSotw(p, client)
	} else {
		err = runDelta(p, client)
	}
	say("broken %d %v", number, err)
}

func runDelta(p *picture, client discovery.AggregatedDiscoveryServiceClient) error {
	stream, err := client.DeltaAggregatedResources(context.Background())
	if err != nil {
		return err
	}
	first := &discovery.DeltaDiscoveryRequest{Node: nodeOf(p.number), TypeUrl: resource.ClusterType, ResourceNamesSubscribe: []string{"*"}}
	if err := stream.Send(first); err != nil {
		return err
	}
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: resource.ListenerType, ResourceNamesSubscribe: []string{"*"}}); err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		var names, more []string
		for _, item := range response.Resources {
			names = append(names, item.Name)
		}
		url := ""
		switch response.TypeUrl {
		case resource.ClusterType:
			more, url = news(names, p.clusters, func(name string) bool { return !strings.HasPrefix(name, "inbound:") }), resource.EndpointType
		case resource.ListenerType:
			more, url = news(names, p.listeners, nil), resource.RouteType
		case resource.EndpointType:
			news(names, p.endpoints, nil)
		case resource.RouteType:
			news(names, p.routes, nil)
		}
		if len(more) > 0 {
			if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: url, ResourceNamesSubscribe: more}); err != nil {
				return err
			}
		}
		if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce}); err != nil {
			return err
		}
		weigh(response.TypeUrl, response)
		p.check()
		heard(p.number, response.TypeUrl)
	}
}

func news(names []string, known map[string]bool, wanted func(string) bool) []string {
	var more []string
	for _, name := range names {
		if known[name] || (wanted != nil && !wanted(name)) {
			continue
		}
		known[name] = true
		more = append(more, name)
	}
	return more
}

func runSotw(p *picture, client discovery.AggregatedDiscoveryServiceClient) error {
	stream, err := client.StreamAggregatedResources(context.Background())
	if err != nil {
		return err
	}
	if err := stream.Send(&discovery.DiscoveryRequest{Node: nodeOf(p.number), TypeUrl: resource.ClusterType}); err != nil {
		return err
	}
	if err := stream.Send(&discovery.DiscoveryRequest{TypeUrl: resource.ListenerType}); err != nil {
		return err
	}
	wanted := map[string][]string{}
	last := map[string]*discovery.DiscoveryResponse{}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		url := ""
		switch response.TypeUrl {
		case resource.ClusterType:
			url = resource.EndpointType
			for _, item := range response.Resources {
				message := &cluster.Cluster{}
				if err := item.UnmarshalTo(message); err != nil {
					return err
				}
				if message.GetType() == cluster.Cluster_EDS {
					p.clusters[message.Name] = true
				}
			}
			wanted[url] = keys(p.clusters)
		case resource.ListenerType:
			url = resource.RouteType
			wanted[url] = []string{"inbound", "outbound"}
			p.listeners["all"] = true
		case resource.EndpointType:
			for _, item := range response.Resources {
				message := &endpoint.ClusterLoadAssignment{}
				if err := item.UnmarshalTo(message); err != nil {
					return err
				}
				p.endpoints[message.ClusterName] = true
			}
		case resource.RouteType:
			p.routes["all"] = true
		}
		last[response.TypeUrl] = response
		for _, typeURL := range []string{response.TypeUrl, url} {
			if typeURL == "" {
				continue
			}
			request := &discovery.DiscoveryRequest{TypeUrl: typeURL, ResourceNames: wanted[typeURL]}
			if answered := last[typeURL]; answered != nil {
				request.VersionInfo, request.ResponseNonce = answered.VersionInfo, answered.Nonce
			}
			if err := stream.Send(request); err != nil {
				return err
			}
		}
		weigh(response.TypeUrl, response)
		p.check()
		heard(p.number, response.TypeUrl)
	}
}

func keys(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
