// Calico's own reading of selectors, for src/deploy/kubernetes.peer.test.ts: its definition of NetworkPolicy, which
// lies in the same module, takes any text for one.
//
// Input: a JSON list of selectors. Output: a JSON list of what is wrong with them.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/projectcalico/calico/libcalico-go/lib/selector"
)

func main() {
	var selectors []string
	if err := json.NewDecoder(os.Stdin).Decode(&selectors); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	faults := []string{}
	for _, one := range selectors {
		if _, err := selector.Parse(one); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", one, err))
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(faults)
}
