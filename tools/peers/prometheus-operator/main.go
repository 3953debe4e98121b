//go:build tools

// The Prometheus operator, for the cluster tests: its command, built from here because its own module replaces parts of
// itself, and its definitions, which lie in the same module.
package tools

import _ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
