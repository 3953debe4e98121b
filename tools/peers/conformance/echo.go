//go:build tools

// Package conformance keeps the suite's own echo program among what is downloaded.
package conformance

import _ "sigs.k8s.io/gateway-api/conformance/echo-basic"
