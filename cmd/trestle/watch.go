package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/gen"
	"github.com/spf13/cobra"
)

// watchInterval is how often the schemas' times of change are looked at. Looking is cheaper than it sounds, and sees
// what notifications of the system miss: folders of a container or a network, and editors that exchange files.
const watchInterval = 300 * time.Millisecond

// watchAndGenerate generates, and again whenever a schema or trestle.yaml changes, until the context ends. A mistake is
// printed, and what was generated before stays until it is mended.
func watchAndGenerate(cmd *cobra.Command, p *project, asJSON bool) error {
	if err := p.open(); err != nil {
		return err
	}
	again := func() error {
		answer, err := generate(cmd.Context(), p, gen.Write)
		switch {
		case cmd.Context().Err() != nil:
			return nil
		case err != nil:
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		case asJSON:
			if err := showLine(cmd, answer); err != nil {
				return err
			}
		default:
			answer.print(cmd, p)
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "watching %s; ctrl-C to stop\n", p.shown(p.config.Schemas))
		return err
	}
	w := newWatcher(p)
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for err := again(); ; {
		if err != nil {
			return err
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-ticker.C:
		}
		if w.changed() {
			p.opened = false // trestle.yaml may be what changed
			err = again()
		}
	}
}

// watcher looks for changes of a project's files.
type watcher struct {
	p          *project
	done, last map[string]stamp // at the last change, and at the last look
}

func newWatcher(p *project) *watcher {
	now := p.stamps()
	return &watcher{p, now, now}
}

// changed looks at the files, and says at the second look at which they are the same whether they differ from those of
// the last change: something that writes many of them is given the time to finish.
func (w *watcher) changed() bool {
	now := w.p.stamps()
	settled := maps.Equal(now, w.last)
	w.last = now
	if !settled || maps.Equal(now, w.done) {
		return false
	}
	w.done = now
	return true
}

// stamp is what changes of a file when it is saved.
type stamp struct {
	size int64
	time time.Time
}

// stamps returns the stamps of trestle.yaml and of all schema files. What cannot be read has none, so that its return is
// a change.
func (p *project) stamps() map[string]stamp {
	out := map[string]stamp{}
	if info, err := os.Stat(p.path(configName)); err == nil {
		out[configName] = stamp{info.Size(), info.ModTime()}
	}
	root := p.path(p.config.Schemas)
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(path); {
		case err != nil && d != nil && d.IsDir():
			return fs.SkipDir
		case err != nil:
			return nil
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && (ext == ".proto" || ext == ".json"):
			if info, err := d.Info(); err == nil {
				out[path] = stamp{info.Size(), info.ModTime()}
			}
		}
		return nil
	})
	return out
}
