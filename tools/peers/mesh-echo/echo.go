//go:build tools

// Package meshecho keeps the programs of the conformance suite's mesh pods (its image echo-advanced is Istio's app)
// among what is downloaded.
package meshecho

import (
	_ "istio.io/istio/pkg/test/echo/cmd/client"
	_ "istio.io/istio/pkg/test/echo/cmd/server"
)
