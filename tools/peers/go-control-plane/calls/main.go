// Calls by grpc-go's own xDS client, for src/control/features.peer.test.ts: what it knows of targets comes from the
// server in its bootstrap (GRPC_XDS_BOOTSTRAP). Each line of standard input is a call as JSON, and each has one line of
// output, "answer" and JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds"
)

type call struct {
	ID         int               `json:"id"`
	Host       string            `json:"host"`
	Path       string            `json:"path"`
	Headers    map[string]string `json:"headers"`
	DeadlineMs int               `json:"deadlineMs"`
}

type answer struct {
	ID      int    `json:"id"`
	Code    int    `json:"code"`
	Details string `json:"details"`
	Body    string `json:"body"`
}

// Messages are bytes, so that nothing has to be generated.
type asBytes struct{}

func (asBytes) Name() string                      { return "proto" }
func (asBytes) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }
func (asBytes) Unmarshal(data []byte, value any) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	channels := map[string]*grpc.ClientConn{}
	var mutex sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked call
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		channel := channels[asked.Host]
		if channel == nil {
			var err error
			channel, err = grpc.NewClient("xds:///"+asked.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				panic(err)
			}
			channels[asked.Host] = channel
		}
		go func() {
			text, _ := json.Marshal(do(channel, asked))
			mutex.Lock()
			defer mutex.Unlock()
			fmt.Println("answer " + string(text))
		}()
	}
}

func do(channel *grpc.ClientConn, asked call) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(asked.DeadlineMs)*time.Millisecond)
	defer cancel()
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(asked.Headers))
	in, out := []byte{}, []byte{}
	err := channel.Invoke(ctx, asked.Path, &in, &out, grpc.ForceCodec(asBytes{}))
	said := status.Convert(err)
	return answer{asked.ID, int(said.Code()), said.Message(), string(out)}
}
