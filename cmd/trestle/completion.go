package main

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/omninode/trestle/compat/report"
	"github.com/spf13/cobra"
)

// completable are the words of a command's usage line that a shell can complete, and those of flags.
var completable = map[string]func(ops.Words) []string{
	"TYPE":    func(w ops.Words) []string { return w.EventTypes },
	"TOPIC":   func(w ops.Words) []string { return w.Topics },
	"GROUP":   func(w ops.Words) []string { return w.Groups },
	"SERVICE": func(w ops.Words) []string { return w.Services },
	"OLD":     registered,
	"NEW":     registered,

	"--as":      func(w ops.Words) []string { return w.Services },
	"--env":     func(w ops.Words) []string { return w.Environments },
	"--like":    func(w ops.Words) []string { return w.Environments },
	"--type":    func(w ops.Words) []string { return w.EventTypes },
	"--topic":   func(w ops.Words) []string { return w.Topics },
	"--topics":  func(w ops.Words) []string { return w.Topics },
	"--group":   func(w ops.Words) []string { return w.Groups },
	"--against": registered,
	"--profile": fixed([]compat.Profile{compat.Guide, compat.Confluent}),
	"--mode":    fixed(compat.Modes()),
}

// registered are subjects, as a comparison takes them.
func registered(w ops.Words) []string {
	out := make([]string, 0, len(w.Subjects))
	for _, s := range w.Subjects {
		out = append(out, "registry:"+s)
	}
	return out
}

func fixed[T ~string](values []T) func(ops.Words) []string {
	return func(ops.Words) []string {
		out := make([]string, 0, len(values))
		for _, v := range values {
			out = append(out, string(v))
		}
		return out
	}
}

// formats are what --format takes, by command; all others that have it take text and json.
var formats = map[string]func(ops.Words) []string{
	"check":     fixed(report.Formats()),
	"changelog": fixed(changelog.Formats()),
	"docs":      fixed([]string{"html", "markdown"}),
}

// addCompletion has shells complete what the usage lines and flags of a command and of all below it name: what schemas
// declare and trestle.yaml has, without a connection to anything.
func addCompletion(cmd *cobra.Command, p *folder) {
	for _, c := range cmd.Commands() {
		addCompletion(c, p)
	}
	if cmd.HasSubCommands() {
		return
	}
	var places []func(ops.Words) []string // of the arguments in turn
	for _, word := range strings.Fields(cmd.Use)[1:] {
		places = append(places, completable[strings.Trim(word, "[]…")])
	}
	if cmd.ValidArgsFunction == nil && len(places) > 0 && places[0] != nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(places) || places[len(args)] == nil {
				return nil, cobra.ShellCompDirectiveDefault // files
			}
			return complete(cmd, p, places[len(args)], typed, takesFiles(cmd))
		}
	}
	for flag, words := range completable {
		addFlagCompletion(cmd, p, flag, words)
	}
	words := formats[cmd.Name()]
	if words == nil {
		words = fixed([]string{"text", "json"})
	}
	addFlagCompletion(cmd, p, "--format", words)
}

func addFlagCompletion(cmd *cobra.Command, p *folder, flag string, words func(ops.Words) []string) {
	name, isFlag := strings.CutPrefix(flag, "--")
	if !isFlag || cmd.Flags().Lookup(name) == nil {
		return
	}
	err := cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, p, words, typed, flag == "--against")
	})
	if err != nil {
		panic(fmt.Sprintf("completion of %s: %v", flag, err)) // registered twice
	}
}

// takesFiles says whether the arguments of a command may be folders and files as well.
func takesFiles(cmd *cobra.Command) bool { return cmd.Name() == "check" || cmd.Name() == "changelog" }

func complete(cmd *cobra.Command, p *folder, words func(ops.Words) []string, typed string, files bool) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, w := range words(p.project().Words(cmd.Context())) {
		if strings.HasPrefix(w, typed) {
			out = append(out, w)
		}
	}
	if files {
		return out, cobra.ShellCompDirectiveDefault
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
