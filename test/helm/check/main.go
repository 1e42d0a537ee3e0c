// Lints, renders and validates the chart, and the manifests of the examples, by Helm's own packages.
//
// It takes the root of the repository and a folder. It prints one line for each thing that it looked at, `ok …` or `FAILED …`, and writes
// the manifests of each values file there, as JSON, for checks of what they mean. It never asks a cluster or the network.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	security "k8s.io/pod-security-admission/api"
	securitypolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// A release of Kubernetes, with the custom resources that every one may have.
type cluster struct {
	version string
	kinds   map[string]*jsonschema.Schema
}

type manifest = map[string]any

var failed bool

func report(what string, err error) {
	if err == nil {
		fmt.Printf("ok %s\n", what)
		return
	}
	failed = true
	fmt.Printf("FAILED %s: %s\n", what, strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
	return value
}

func kindsIn(path string, into map[string]*jsonschema.Schema) {
	document := must(jsonschema.UnmarshalJSON(bytes.NewReader(must(os.ReadFile(path)))))
	compiler := jsonschema.NewCompiler()
	url := "file:///" + filepath.Base(path)
	if err := compiler.AddResource(url, document); err != nil {
		must(0, err)
	}
	for kind := range document.(map[string]any)["kinds"].(map[string]any) {
		into[kind] = must(compiler.Compile(url + "#/kinds/" + strings.ReplaceAll(kind, "/", "~1")))
	}
}

func clusters(folder string) []cluster {
	var all []cluster
	for _, path := range must(filepath.Glob(filepath.Join(folder, "kubernetes-v*.json"))) {
		version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "kubernetes-"), ".json")
		one := cluster{version, map[string]*jsonschema.Schema{}}
		kindsIn(path, one.kinds)
		kindsIn(filepath.Join(folder, "custom-resources.json"), one.kinds)
		all = append(all, one)
	}
	return all
}

func kindOf(document manifest) string {
	return fmt.Sprintf("%v/%v", document["apiVersion"], document["kind"])
}

func (c cluster) validate(document manifest) error {
	schema := c.kinds[kindOf(document)]
	if schema == nil {
		return fmt.Errorf("Kubernetes %s, as it is kept in test/helm/schemas, has no %s", c.version, kindOf(document))
	}
	return schema.Validate(map[string]any(document))
}

// Pod Security Admission's own judgement, by the newest level `restricted` that it knows.
func restricted(document manifest) error {
	template := templateOf(document)
	if len(template.Spec.Containers) == 0 {
		return errors.New("it has no containers")
	}
	evaluator := must(securitypolicy.NewEvaluator(securitypolicy.DefaultChecks(), nil))
	level := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	result := securitypolicy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
	if !result.Allowed {
		return errors.New(result.ForbiddenDetail())
	}
	return nil
}

func isWorkload(document manifest) bool {
	return document["kind"] == "StatefulSet" || document["kind"] == "Deployment"
}

// Duplicate keys are errors, as they are for kubectl.
func manifestsIn(text string) ([]manifest, error) {
	var all []manifest
	for _, part := range strings.Split("\n"+text, "\n---") {
		var document manifest
		if err := yaml.UnmarshalStrict([]byte(part), &document); err != nil {
			return nil, err
		}
		if len(document) > 0 {
			all = append(all, document)
		}
	}
	return all, nil
}

func valuesIn(path string) map[string]any {
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(must(os.ReadFile(path)), &values); err != nil {
		must(0, fmt.Errorf("%s: %w", path, err))
	}
	return values
}

func capabilities(version string) *common.Capabilities {
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *must(common.ParseKubeVersion(version))
	return capabilities
}

func render(loaded *chart.Chart, values map[string]any, version string) ([]manifest, error) {
	capabilities := capabilities(version)
	if !chartutil.IsCompatibleRange(loaded.Metadata.KubeVersion, capabilities.KubeVersion.String()) {
		return nil, fmt.Errorf("the chart is not for Kubernetes %s", version)
	}
	release := common.ReleaseOptions{Name: "sallyport", Namespace: "storage", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, release, capabilities)
	if err != nil {
		return nil, err
	}
	// Strict: a value that a template names and nobody sets is an error.
	texts, err := engine.Engine{Strict: true, LintMode: false}.Render(loaded, all)
	if err != nil {
		return nil, err
	}
	var manifests []manifest
	for _, name := range sortedKeys(texts) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		some, err := manifestsIn(texts[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		manifests = append(manifests, some...)
	}
	return manifests, nil
}

func sortedKeys[V any](of map[string]V) []string {
	var keys []string
	for key := range of {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// A chart is loaded anew for each: rendering may change its values.
func checkValues(chartFolder, path, out string, all []cluster) {
	name := strings.TrimSuffix(filepath.Base(path), ".yaml")
	for _, one := range all {
		what := fmt.Sprintf("%s on Kubernetes %s", name, one.version)
		version := must(common.ParseKubeVersion(one.version))
		linted := lint.RunAll(chartFolder, valuesIn(path), "storage", lint.WithKubeVersion(version))
		var complaints []error
		for _, message := range linted.Messages {
			if message.Severity > support.InfoSev {
				complaints = append(complaints, message)
			}
		}
		report(what+" is linted", errors.Join(complaints...))
		manifests, err := render(must(loader.Load(chartFolder)), valuesIn(path), one.version)
		report(what+" is rendered", err)
		seen := map[string]bool{}
		for _, document := range manifests {
			metadata, _ := document["metadata"].(map[string]any)
			id := fmt.Sprintf("%s %v", kindOf(document), metadata["name"])
			err := one.validate(document)
			if err == nil && seen[id] {
				err = errors.New("there are two of it")
			}
			seen[id] = true
			report(fmt.Sprintf("%s: %s", what, id), err)
			if isWorkload(document) {
				report(fmt.Sprintf("%s: %s is admitted by the Pod Security Standard restricted", what, id), restricted(document))
			}
		}
		// Of the newest release, which is the last.
		must(0, os.WriteFile(filepath.Join(out, name+".json"), must(json.Marshal(manifests)), 0o600))
	}
}

// Puts changes into values; null takes a value out.
func change(values, changes map[string]any) map[string]any {
	for key, to := range changes {
		inner, isMap := to.(map[string]any)
		before, wasMap := values[key].(map[string]any)
		switch {
		case to == nil:
			delete(values, key)
		case isMap && wasMap:
			change(before, inner)
		default:
			values[key] = to
		}
	}
	return values
}

// A schema's complaints are a line each below two of heading; a template's is all of the message.
func complaints(err error) int {
	text := strings.TrimSpace(err.Error())
	if listed := strings.Count(text, "\n- at "); listed > 0 {
		return listed
	}
	return 1 + strings.Count(text, "\n")
}

// A file holds changes of values that are good. Its first line is `# says: ` and words of the message that must come of them.
func checkRefused(chartFolder, good, path, version string) {
	what := "values are refused: " + filepath.Base(path)
	first, _, _ := strings.Cut(string(must(os.ReadFile(path))), "\n")
	words, isTold := strings.CutPrefix(first, "# says: ")
	if !isTold {
		report(what, errors.New("its first line does not begin with `# says: `"))
		return
	}
	_, err := render(must(loader.Load(chartFolder)), change(valuesIn(good), valuesIn(path)), version)
	switch {
	case err == nil:
		err = errors.New("they are rendered")
	case !strings.Contains(err.Error(), words):
		err = fmt.Errorf("the message does not say %q but: %w", words, err)
	case complaints(err) != 1:
		err = fmt.Errorf("it is not one line: %w", err)
	default:
		err = nil
	}
	report(what, err)
}

func checkExample(path string, all []cluster) {
	manifests, err := manifestsIn(string(must(os.ReadFile(path))))
	report(path+" is YAML", err)
	for _, document := range manifests {
		metadata, _ := document["metadata"].(map[string]any)
		if isWorkload(document) {
			report(fmt.Sprintf("%s: %s is admitted by the Pod Security Standard restricted", path, kindOf(document)), restricted(document))
		}
		known := 0
		for _, one := range all {
			// A kind of newer releases only is one that the example says so of.
			if one.kinds[kindOf(document)] == nil {
				continue
			}
			known++
			report(fmt.Sprintf("%s on Kubernetes %s: %s %v", path, one.version, kindOf(document), metadata["name"]), one.validate(document))
		}
		if known == 0 {
			report(path, fmt.Errorf("no release has %s", kindOf(document)))
		}
	}
}

// What shows that the schemas refuse anything at all.
func checkBroken(path string, all []cluster) {
	for _, document := range must(manifestsIn(string(must(os.ReadFile(path))))) {
		for _, one := range all {
			what := fmt.Sprintf("a manifest is refused by Kubernetes %s: %s", one.version, filepath.Base(path))
			if one.validate(document) == nil && (!isWorkload(document) || restricted(document) == nil) {
				report(what, errors.New("it is valid"))
			} else {
				report(what, nil)
			}
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: check REPOSITORY FOLDER")
		os.Exit(2)
	}
	root, out := os.Args[1], os.Args[2]
	files := func(pattern string) []string {
		found := must(filepath.Glob(filepath.Join(root, pattern)))
		if len(found) == 0 {
			must(0, fmt.Errorf("there is no %s", pattern))
		}
		return found
	}
	chartFolder := filepath.Join(root, "deploy/helm/sallyport")
	all := clusters(filepath.Join(root, "test/helm/schemas"))
	if len(all) < 3 {
		must(0, errors.New("schemas of three releases of Kubernetes are needed"))
	}
	for _, path := range files("test/helm/values/*.yaml") {
		checkValues(chartFolder, path, out, all)
	}
	for _, path := range files("test/helm/refused/*.yaml") {
		checkRefused(chartFolder, filepath.Join(root, "test/helm/values/haproxy.yaml"), path, all[len(all)-1].version)
	}
	for _, path := range files("test/helm/broken/*.yaml") {
		checkBroken(path, all)
	}
	for _, path := range files("examples/kubernetes/*.yaml") {
		checkExample(path, all)
	}
	checkInjection(filepath.Join(root, "examples/kubernetes"), all)
	if failed {
		os.Exit(1)
	}
}
