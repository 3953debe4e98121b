// Foreign xDS clients, any number of them, on grpc-go: each asks for all clusters, the endpoints of each, all listeners
// and their routes, and acknowledges what comes. For src/xds/grpc-go.peer.test.ts and for `npm run bench -- control`.
//
// Output, a line each: "complete STREAMS MS" when every stream has everything, "broken TEXT" for a stream that ended,
// and after a line "expect TYPE" on the standard input "expecting TYPE", then "changed TYPE STREAMS P50 P99"
// (milliseconds since that line) once every stream was sent something of that type. A line "bytes" is answered "bytes
// ENDPOINTS ASSIGNMENTS ALL": of endpoints with their localities, of the responses that carry them (with the names,
// type URLs and versions that the protocol puts around each set) and of all responses, since the start or the last such
// line; "reconnect" ends every incremental stream, opens it again with all that it holds, and is answered "complete"
// once each was answered; "check" is answered "held STREAMS DIFFERENT DIGEST": of the names and versions of endpoints
// that each stream holds; state of the world has no versions of resources, and a hash of their content stands for them,
// as Weft makes its versions.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"iter"
	"os"
	"slices"
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
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
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
	app         = flag.String("app", "", "label app of the node, with the stream's number for a %d")
	zones       = flag.Int("zones", 0, "zones that the nodes are in")
	vhds        = flag.Bool("vhds", false, "take outbound virtual hosts one by one")
)

var (
	output   sync.Mutex
	done     = make(chan int, 100_000)
	expected string
	since    time.Time
	times    []float64
	seen     map[int]bool
	received [3]atomic.Int64
	pictures []*picture
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
		p := newPicture(i)
		pictures = append(pictures, p)
		go run(p, clients[i%len(clients)])
	}
	tellComplete := func() {
		for i := 0; i < *streams; i++ {
			<-done
		}
		say("complete %d %d", *streams, time.Since(started).Milliseconds())
	}
	go tellComplete()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 2 && words[0] == "expect" {
			output.Lock()
			expected, since, times, seen = words[1], time.Now(), nil, map[int]bool{}
			output.Unlock()
			say("expecting %s", words[1])
		} else if len(words) == 1 && words[0] == "bytes" {
			say("bytes %d %d %d", received[0].Swap(0), received[1].Swap(0), received[2].Swap(0))
		} else if len(words) == 1 && words[0] == "check" {
			check()
		} else if len(words) == 1 && words[0] == "reconnect" {
			started = time.Now()
			for i, p := range pictures {
				p.cancel()
				<-p.ended
				p.told = false
				go run(p, clients[i%len(clients)])
			}
			go tellComplete()
		}
	}
}

// What the streams hold, and whether all hold the same.
func check() {
	digests := map[string]bool{}
	last := ""
	for _, p := range pictures {
		p.lock.Lock()
		var lines []string
		for name, version := range p.versions[resource.EndpointType] {
			lines = append(lines, name+" "+version)
		}
		p.lock.Unlock()
		sort.Strings(lines)
		last = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
		digests[last] = true
	}
	say("held %d %d %s", len(pictures), len(digests), last)
}

// Counts what a response weighs.
func weigh(typeURL string, message proto.Message, items iter.Seq[*anypb.Any]) {
	size := int64(proto.Size(message))
	received[2].Add(size)
	if typeURL != resource.EndpointType {
		return
	}
	received[1].Add(size)
	for item := range items {
		received[0].Add(endpointBytes(item.GetValue()))
	}
}

const endpointsField = 2

// Of an encoded ClusterLoadAssignment, its localities with all that is in them. It is not decoded: a million of them
// are weighed while the server is timed.
func endpointBytes(assignment []byte) int64 {
	weight := 0
	for len(assignment) > 0 {
		number, _, length := protowire.ConsumeField(assignment)
		if length < 0 {
			panic(protowire.ParseError(length))
		}
		if number == endpointsField {
			weight += length
		}
		assignment = assignment[length:]
	}
	return int64(weight)
}

func deltaItems(response *discovery.DeltaDiscoveryResponse) iter.Seq[*anypb.Any] {
	return func(yield func(*anypb.Any) bool) {
		for _, item := range response.Resources {
			if !yield(item.Resource) {
				return
			}
		}
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
		label := *app
		if strings.Contains(label, "%d") {
			label = fmt.Sprintf(label, number)
		}
		fields["labels"] = map[string]any{"app": label}
	}
	if *vhds {
		fields["vhds"] = true
	}
	metadata, err := structpb.NewStruct(fields)
	if err != nil {
		panic(err)
	}
	id := fmt.Sprintf(*node, number)
	if *zones == 0 {
		return &core.Node{Id: id, Cluster: "go", Metadata: metadata}
	}
	locality := &core.Locality{Zone: fmt.Sprintf("z%d", number%*zones)}
	return &core.Node{Id: id, Cluster: "go", Metadata: metadata, Locality: locality}
}

// What one stream holds: names by type, and of an incremental stream their versions by type URL.
type picture struct {
	number    int
	clusters  map[string]bool
	endpoints map[string]bool
	listeners map[string]bool
	routes    map[string]bool
	hosts     map[string]bool
	told      bool
	lock      sync.Mutex
	versions  map[string]map[string]string
	cancel    context.CancelFunc
	ended     chan bool
}

func newPicture(number int) *picture {
	versions := map[string]map[string]string{}
	for _, url := range types {
		versions[url] = map[string]string{}
	}
	set := func() map[string]bool { return map[string]bool{} }
	ended := make(chan bool, 1)
	return &picture{number: number, clusters: set(), endpoints: set(), listeners: set(), routes: set(), hosts: set(),
		versions: versions, cancel: func() {}, ended: ended}
}

const virtualHostType = "type.googleapis.com/envoy.config.route.v3.VirtualHost"

var types = []string{resource.ClusterType, resource.EndpointType, resource.ListenerType, resource.RouteType, virtualHostType}

func (p *picture) check() {
	if p.told || len(p.clusters) < *clusters || len(p.endpoints) < *clusters || len(p.listeners) == 0 || len(p.routes) == 0 {
		return
	}
	if *vhds && len(p.hosts) < *clusters {
		return
	}
	p.told = true
	done <- p.number
}

// Texts that a thousand streams hold are one text.
var texts sync.Map

func shared(text string) string {
	known, _ := texts.LoadOrStore(text, text)
	return known.(string)
}

func (p *picture) hold(response *discovery.DeltaDiscoveryResponse) {
	p.lock.Lock()
	defer p.lock.Unlock()
	held := p.versions[response.TypeUrl]
	for _, item := range response.Resources {
		held[shared(item.Name)] = shared(item.Version)
	}
	for _, name := range response.RemovedResources {
		delete(held, name)
	}
}

func run(p *picture, client discovery.AggregatedDiscoveryServiceClient) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	var err error
	if *sotw {
		err = runSotw(ctx, p, client)
	} else {
		err = runDelta(ctx, p, client)
	}
	if ctx.Err() == nil {
		say("broken %d %v", p.number, err)
	}
	p.ended <- true
}

// The first request of a type, with all that is held of it.
func (p *picture) subscribe(url string) *discovery.DeltaDiscoveryRequest {
	p.lock.Lock()
	defer p.lock.Unlock()
	request := &discovery.DeltaDiscoveryRequest{TypeUrl: url, InitialResourceVersions: map[string]string{}}
	for name, version := range p.versions[url] {
		request.InitialResourceVersions[name] = version
		if url == resource.EndpointType || url == resource.RouteType {
			request.ResourceNamesSubscribe = append(request.ResourceNamesSubscribe, name)
		}
	}
	switch url {
	case resource.ClusterType, resource.ListenerType:
		request.ResourceNamesSubscribe = []string{"*"}
	case virtualHostType:
		request.ResourceNamesSubscribe = []string{"outbound"}
	}
	if url == resource.ClusterType {
		request.Node = nodeOf(p.number)
	}
	return request
}

func runDelta(ctx context.Context, p *picture, client discovery.AggregatedDiscoveryServiceClient) error {
	stream, err := client.DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	first := []string{resource.ClusterType, resource.ListenerType}
	if len(p.clusters) > 0 {
		first = []string{resource.ClusterType, resource.EndpointType, resource.ListenerType, resource.RouteType}
	}
	if *vhds {
		first = append(first, virtualHostType)
	}
	for _, url := range first {
		if err := stream.Send(p.subscribe(url)); err != nil {
			return err
		}
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		p.hold(response)
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
		case virtualHostType:
			news(names, p.hosts, nil)
		}
		if len(more) > 0 {
			if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: url, ResourceNamesSubscribe: more}); err != nil {
				return err
			}
		}
		if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce}); err != nil {
			return err
		}
		weigh(response.TypeUrl, response, deltaItems(response))
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

// What is read of a resource; of equal ones, that all streams get, once.
type content struct {
	name    string
	version string
}

var contents sync.Map

func read(item *anypb.Any) (content, error) {
	if known, ok := contents.Load(string(item.Value)); ok {
		return known.(content), nil
	}
	sum := sha256.Sum256(item.Value)
	made := content{version: fmt.Sprintf("%x", sum[:8])}
	message, err := item.UnmarshalNew()
	if err != nil {
		return made, err
	}
	switch message := message.(type) {
	case *cluster.Cluster:
		if message.GetType() == cluster.Cluster_EDS {
			made.name = message.Name
		}
	case *endpoint.ClusterLoadAssignment:
		made.name = message.ClusterName
	}
	contents.Store(string(item.Value), made)
	return made, nil
}

func runSotw(ctx context.Context, p *picture, client discovery.AggregatedDiscoveryServiceClient) error {
	stream, err := client.StreamAggregatedResources(ctx)
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
				made, err := read(item)
				if err != nil {
					return err
				}
				if made.name != "" {
					p.clusters[made.name] = true
				}
			}
			wanted[url] = keys(p.clusters)
		case resource.ListenerType:
			url = resource.RouteType
			wanted[url] = []string{"inbound", "outbound"}
			p.listeners["all"] = true
		case resource.EndpointType:
			for _, item := range response.Resources {
				made, err := read(item)
				if err != nil {
					return err
				}
				p.endpoints[made.name] = true
				p.lock.Lock()
				p.versions[resource.EndpointType][made.name] = made.version
				p.lock.Unlock()
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
		weigh(response.TypeUrl, response, slices.Values(response.Resources))
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
