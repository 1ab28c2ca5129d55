// Command health says what GitOps tools make of objects: kstatus, by which Flux and Helm wait; expressions for Flux, by
// Flux' own evaluator; and a health check in Lua, in a machine as Argo CD makes it (its util/lua). Standard input is a
// line of JSON with {"lua": …, "flux": {"current": …}}, then one object a line; each is answered by a line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const longest = 16 << 20 // bytes of an object

type rules struct {
	Lua  string                           `json:"lua"`
	Flux kustomize.HealthCheckExpressions `json:"flux"`
}

type verdict struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
	Argo    health `json:"argo"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longest)
	if !lines.Scan() {
		return fmt.Errorf("no rules on standard input")
	}
	var given rules
	if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
		return err
	}
	flux, err := cel.NewStatusEvaluator(&given.Flux)
	if err != nil {
		return err
	}
	for lines.Scan() {
		answer, err := judge(lines.Bytes(), given.Lua, flux)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func judge(line []byte, script string, flux *cel.StatusEvaluator) (verdict, error) {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(line); err != nil {
		return verdict{}, err
	}
	computed, err := status.Compute(&object)
	if err != nil {
		return verdict{}, err
	}
	evaluated, err := flux.Evaluate(context.Background(), &object)
	if err != nil {
		return verdict{}, err
	}
	argo, err := check(object.Object, script)
	return verdict{computed.Status.String(), evaluated.Status.String(), argo}, err
}

// check opens the libraries that Argo CD opens, and no others: there is neither string nor math nor io.
func check(object map[string]any, script string) (health, error) {
	machine := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer machine.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		machine.Push(machine.NewFunction(open))
		machine.Push(lua.LString(name))
		machine.Call(1, 0)
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	machine.SetContext(limit)
	machine.SetGlobal("obj", value(machine, object))
	if err := machine.DoString(script); err != nil {
		return health{}, err
	}
	answer, ok := machine.Get(-1).(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("the script answers no table, but %s", machine.Get(-1).Type())
	}
	return health{answer.RawGetString("status").String(), answer.RawGetString("message").String()}, nil
}

func value(machine *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case string:
		return lua.LString(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	case []any:
		table := machine.CreateTable(len(from), 0)
		for _, item := range from {
			table.Append(value(machine, item))
		}
		return table
	case map[string]any:
		table := machine.CreateTable(0, len(from))
		for key, item := range from {
			table.RawSetString(key, value(machine, item))
		}
		return table
	}
	return lua.LNil
}
