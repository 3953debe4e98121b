// The published Gateway API definitions as an API server judges by them: structure, patterns, lengths and CEL rules,
// with its own code. For src/control/schema/gateway-crds.peer.test.ts.
//
// Arguments: folders of definitions. Input: a JSON object a line. Output, a line each: a JSON list of what is wrong
// with it, empty for nothing; the first line names the version of Gateway API.
package main

import (
	"bufio"
	"context"
	stdjson "encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/gateway-api/pkg/consts"
	"sigs.k8s.io/yaml"
)

type judge struct {
	structural *schema.Structural
	schema     validation.SchemaValidator
	cel        *cel.Validator
}

// readJudges adds those of a folder, by group, version and kind.
func readJudges(folder string, judges map[string]judge) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var definition v1.CustomResourceDefinition
		if err := yaml.Unmarshal(text, &definition); err != nil || definition.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range definition.Spec.Versions {
			var internal apiextensions.JSONSchemaProps
			if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &internal, nil); err != nil {
				return err
			}
			structural, err := schema.NewStructural(&internal)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			validator, _, err := validation.NewSchemaValidator(&internal)
			if err != nil {
				return err
			}
			key := definition.Spec.Group + "/" + version.Name + " " + definition.Spec.Names.Kind
			judges[key] = judge{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
		}
	}
	return nil
}

func (j judge) faults(object map[string]any) []string {
	faults := []string{}
	unknown := pruning.PruneWithOptions(object, j.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		faults = append(faults, path+": unknown field")
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, j.structural)
	defaulting.Default(object, j.structural)
	for _, one := range validation.ValidateCustomResource(nil, object, j.schema) {
		faults = append(faults, one.Error())
	}
	for _, one := range listtype.ValidateListSetsAndMaps(nil, j.structural, object) {
		faults = append(faults, one.Error())
	}
	if len(faults) > 0 {
		return faults
	}
	broken, _ := j.cel.Validate(context.Background(), nil, j.structural, object, nil, celconfig.RuntimeCELCostBudget)
	for _, one := range broken {
		faults = append(faults, one.Error())
	}
	return faults
}

func main() {
	judges := map[string]judge{}
	for _, folder := range os.Args[1:] {
		if err := readJudges(folder, judges); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, consts.BundleVersion)
	var inputs []string
	for lines.Scan() {
		inputs = append(inputs, lines.Text())
	}
	outputs := make([]string, len(inputs))
	var workers sync.WaitGroup
	var next atomic.Int64
	for range runtime.NumCPU() {
		workers.Go(func() {
			for at := next.Add(1) - 1; at < int64(len(inputs)); at = next.Add(1) - 1 {
				outputs[at] = judgeLine(judges, inputs[at])
			}
		})
	}
	workers.Wait()
	for _, text := range outputs {
		fmt.Fprintln(out, text)
	}
	out.Flush()
}

func judgeLine(judges map[string]judge, line string) string {
	var object map[string]any
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		return fmt.Sprintf("[%q]", err)
	}
	key := fmt.Sprint(object["apiVersion"], " ", object["kind"])
	faults := []string{"no definition of " + key}
	if judge, known := judges[key]; known {
		faults = judge.faults(object)
	}
	text, _ := stdjson.Marshal(faults)
	return string(text)
}
