// Spending limits in Go, standard library alone: the mesh does not care what a service is written in. Same routes and
// shutdown as limits.ts. Environment: HOST, PORT.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func answer(value any) http.HandlerFunc {
	return func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("content-type", "application/json")
		json.NewEncoder(response).Encode(value)
	}
}

func main() {
	http.Handle("GET /healthz", answer(map[string]string{"service": "limits"}))
	http.Handle("GET /customers/{customer}/limits", answer(map[string]int{"dailyPennies": 500_000, "transferPennies": 50_000}))
	server := &http.Server{Addr: os.Getenv("HOST") + ":" + os.Getenv("PORT")}
	stopped := make(chan struct{})
	go func() {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		<-told
		server.Shutdown(context.Background())
		close(stopped)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-stopped
}
