package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// Echoes bodies with their hash as a trailer. SIGTERM ends it as Go ends servers: GOAWAY, then what runs.
func httpServe() {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Hash, X-Asked")
		hash := sha256.New()
		_, _ = io.Copy(io.MultiWriter(w, hash), r.Body)
		w.Header().Set("X-Hash", fmt.Sprintf("%x", hash.Sum(nil)))
		w.Header().Set("X-Asked", r.Trailer.Get("X-Asked"))
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.HandleFunc("/abort", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
		_, _ = w.Write([]byte("slow"))
	})
	inner := &http2.Server{MaxConcurrentStreams: 250}
	// Over HTTP/1.1 Go reads a request before it answers, and no more of it after that, unless it is told to.
	duplex := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		mux.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: h2c.NewHandler(duplex, inner)}
	check("configure", http2.ConfigureServer(server, inner))
	listener, err := net.Listen("tcp", *address)
	check("listen", err)
	fmt.Println("ready")
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() { _ = server.Serve(listener) }()
	<-ended
	// Connections of h2c are hijacked, so that only the codec itself announces the end.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(ctx)
	time.Sleep(500 * time.Millisecond)
}

func newClient() *http.Client {
	return &http.Client{Transport: &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}
}

func request(ctx context.Context, method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+*address+path, body)
	check(path, err)
	r.Host = "ledger"
	return r
}

func httpCall() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := newClient()
	echoes(ctx, client)
	hints(ctx, client)
	early(ctx, client)
	aborted(ctx, client)
	cancelled(ctx, client)
	together(ctx, client)
}

func echo(ctx context.Context, client *http.Client, body []byte) error {
	r := request(ctx, "POST", "/echo", io.NopCloser(bytes.NewReader(body)))
	r.Trailer = http.Header{"X-Asked": {"yes"}}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, body) {
		return fmt.Errorf("%d bytes came back of %d", len(got), len(body))
	}
	if response.Trailer.Get("X-Hash") != fmt.Sprintf("%x", sha256.Sum256(body)) || response.Trailer.Get("X-Asked") != "yes" {
		return fmt.Errorf("trailers: %v", response.Trailer)
	}
	return nil
}

func echoes(ctx context.Context, client *http.Client) {
	for _, size := range []int{0, 1, 16_384, 1_000_000, 20_000_000} {
		body := make([]byte, size)
		for index := range body {
			body[index] = byte(index * 31)
		}
		check(fmt.Sprintf("echo %d", size), echo(ctx, client, body))
	}
	fmt.Println("echo")
}

func hints(ctx context.Context, client *http.Client) {
	links := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints && header.Get("Link") != "" {
			links++
		}
		return nil
	}}
	response, err := client.Do(request(httptrace.WithClientTrace(ctx, trace), "GET", "/hints", nil))
	check("hints", err)
	if response.StatusCode != 200 || links != 1 {
		fail("hints", fmt.Errorf("status %d, %d hints", response.StatusCode, links))
	}
	fmt.Println("hints")
}

// The answer comes while the request's body has no end.
func early(ctx context.Context, client *http.Client) {
	reader, writer := io.Pipe()
	response, err := client.Do(request(ctx, "POST", "/early", reader))
	check("early", err)
	_ = writer.Close()
	if response.StatusCode != http.StatusForbidden {
		fail("early", fmt.Errorf("status %d", response.StatusCode))
	}
	fmt.Println("early")
}

// A server that gives an answer up: the client must not take what came for the whole.
func aborted(ctx context.Context, client *http.Client) {
	response, err := client.Do(request(ctx, "GET", "/abort", nil))
	check("abort", err)
	if _, err = io.ReadAll(response.Body); err == nil {
		fail("abort", fmt.Errorf("a cut answer looked complete"))
	}
	fmt.Println("abort")
}

func cancelled(ctx context.Context, client *http.Client) {
	for range 100 {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		_, _ = client.Do(request(short, "GET", "/slow", nil))
		cancel()
	}
	check("cancelled", echo(ctx, client, []byte("still there")))
	fmt.Println("cancelled")
}

func together(ctx context.Context, client *http.Client) {
	var done sync.WaitGroup
	failed := make(chan error, 1000)
	for index := range 1000 {
		done.Add(1)
		go func() {
			defer done.Done()
			if err := echo(ctx, client, make([]byte, index*100)); err != nil {
				failed <- err
			}
		}()
	}
	done.Wait()
	if len(failed) > 0 {
		fail("together", <-failed)
	}
	fmt.Println("together")
}

// Asks for -for and counts what was not answered 200, while servers behind the proxy come and go.
func httpKeep() {
	client := newClient()
	var asked, lost atomic.Int64
	var done sync.WaitGroup
	end := time.Now().Add(*forTime)
	for range 20 {
		done.Add(1)
		go func() {
			defer done.Done()
			for time.Now().Before(end) {
				asked.Add(1)
				response, err := client.Do(request(context.Background(), "GET", "/slow", nil))
				if err != nil || response.StatusCode != 200 {
					lost.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
			}
		}()
	}
	done.Wait()
	fmt.Printf("asked %d lost %d\n", asked.Load(), lost.Load())
}
