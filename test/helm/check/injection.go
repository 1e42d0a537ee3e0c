package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// Compiles a policy's conditions and its one patch, and has the pod patched, as the API server does on admission. It does
// not look at selectors. The pod is nil where a condition does not match.
func inject(policy *admissionregistration.MutatingAdmissionPolicy, pod *core.Pod) (*core.Pod, error) {
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	var variables []cel.NamedExpressionAccessor
	for _, one := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: one.Name, Expression: one.Expression})
	}
	compiler.CompileAndStoreVariables(variables, options, environment.StoredExpressions)
	var conditions []cel.ExpressionAccessor
	for index := range policy.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&policy.Spec.MatchConditions[index]))
	}
	evaluator := compiler.CompileCondition(conditions, options, environment.StoredExpressions)
	matcher := matchconditions.NewMatcher(evaluator, policy.Spec.FailurePolicy, "policy", "admit", policy.Name)
	if len(policy.Spec.Mutations) != 1 || policy.Spec.Mutations[0].JSONPatch == nil {
		return nil, errors.New("it has other mutations than one JSONPatch")
	}
	options.HasPatchTypes = true
	expression := &patch.JSONPatchCondition{Expression: policy.Spec.Mutations[0].JSONPatch.Expression}
	patcher := patch.NewJSONPatcher(compiler.CompileMutatingEvaluator(expression, options, environment.StoredExpressions))

	scheme := runtime.NewScheme()
	if err := core.AddToScheme(scheme); err != nil {
		return nil, err
	}
	kind := core.SchemeGroupVersion.WithKind("Pod")
	resource := core.SchemeGroupVersion.WithResource("pods")
	attributes := admission.NewAttributesRecord(pod, nil, kind, pod.Namespace, pod.Name, resource, "", admission.Create, nil, false, nil)
	versioned := &admission.VersionedAttributes{
		Attributes:         attributes,
		VersionedKind:      kind,
		VersionedObject:    admission.NewLazyObject(pod),
		VersionedOldObject: admission.NewLazyObject(nil),
	}
	ctx := compiler.CreateContext(context.Background())
	matched := matcher.Match(ctx, versioned, nil, nil)
	if matched.Error != nil || !matched.Matches {
		return nil, matched.Error
	}
	request := patch.Request{
		MatchedResource:     resource,
		VersionedAttributes: versioned,
		ObjectInterfaces:    admission.NewObjectInterfacesFromScheme(scheme),
	}
	patched, err := patcher.Patch(ctx, request, apiservercel.RuntimeCELCostBudget)
	if err != nil {
		return nil, err
	}
	return patched.(*core.Pod), nil
}

func decode[T any](document manifest) *T {
	var value T
	must(0, json.Unmarshal(must(json.Marshal(document)), &value))
	return &value
}

func templateOf(document manifest) core.PodTemplateSpec {
	workload := decode[struct {
		Spec struct {
			Template core.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}](document)
	return workload.Spec.Template
}

// Takes the sidecar out of an example, has the policy put one in, and looks whether that is the same.
func checkInjection(folder string, all []cluster) {
	of := func(file, kind string) manifest {
		for _, document := range must(manifestsIn(string(must(os.ReadFile(filepath.Join(folder, file)))))) {
			if document["kind"] == kind {
				return document
			}
		}
		must(0, fmt.Errorf("%s has no %s", file, kind))
		return nil
	}
	policy := decode[admissionregistration.MutatingAdmissionPolicy](of("injection.yaml", "MutatingAdmissionPolicy"))
	workload := of("eks-irsa.yaml", "Deployment")
	template := templateOf(workload)
	example := template.Spec.InitContainers[0]
	for _, hasMore := range []bool{false, true} {
		what := fmt.Sprintf("injection.yaml gives a pod (with more in it: %v) the sidecar of eks-irsa.yaml", hasMore)
		pod := &core.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
		pod.Labels["sallyport.sidecar"] = "billing-sidecar"
		pod.Spec.InitContainers, pod.Spec.Volumes, pod.Spec.Containers[0].Env = nil, nil, nil
		if hasMore {
			pod.Spec.InitContainers = []core.Container{*pod.Spec.Containers[0].DeepCopy()}
			pod.Spec.InitContainers[0].Name = "migrate"
			pod.Spec.Volumes = []core.Volume{{Name: "scratch", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}}}
			pod.Spec.Containers[0].Env = []core.EnvVar{{Name: "LOG", Value: "info"}}
		}
		before := pod.DeepCopy()
		patched, err := inject(policy, pod)
		if err == nil && patched == nil {
			err = errors.New("it does not match")
		}
		if err != nil {
			report(what, err)
			continue
		}
		got := patched.Spec.InitContainers[0]
		mounted := got.VolumeMounts[0].Name
		got.VolumeMounts[0].Name = example.VolumeMounts[0].Name
		volumes := patched.Spec.Volumes
		last := volumes[len(volumes)-1]
		env := patched.Spec.Containers[0].Env
		again, errAgain := inject(policy, patched)
		switch {
		case !reflect.DeepEqual(got, example):
			err = fmt.Errorf("it is another one: %s", must(json.Marshal(got)))
		case last.Name != mounted || last.ConfigMap == nil || last.ConfigMap.Name != "billing-sidecar":
			err = errors.New("its ConfigMap is not mounted")
		case len(volumes) != len(before.Spec.Volumes)+1 || len(patched.Spec.InitContainers) != len(before.Spec.InitContainers)+1:
			err = errors.New("other containers or volumes are lost")
		case len(env) != len(before.Spec.Containers[0].Env)+1 || env[len(env)-1].Value != "http://localhost:8190":
			err = errors.New("the workload is not told of it")
		case errAgain != nil || again != nil:
			err = fmt.Errorf("it gets a second one (%v)", errAgain)
		}
		report(what, err)
		injected := decode[manifest](workload)
		spec := (*injected)["spec"].(map[string]any)["template"].(map[string]any)
		spec["spec"] = (*decode[manifest](manifest{"spec": patched.Spec}))["spec"]
		report(what+", as restricted admits it", restricted(*injected))
		for _, one := range all {
			report(fmt.Sprintf("%s, as Kubernetes %s has it", what, one.version), one.validate(*injected))
		}
	}
}
