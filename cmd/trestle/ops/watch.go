package ops

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/load"
)

// watchInterval is how often the schemas' times of change are looked at. Looking is cheaper than it sounds, and sees
// what notifications of the system miss: folders of a container or a network, and editors that exchange files.
const watchInterval = 300 * time.Millisecond

// renewShared is after how many runs everything is loaded anew: what loads share grows with every version of a file.
const renewShared = 100

// Watch generates, and again whenever a schema or trestle.yaml changes, until ctx ends. Each run is told to done, with the
// project as it was read for that run; what was generated before a mistake stays until it is mended. An error of done ends
// Watch and is its own.
func Watch(ctx context.Context, p *Project, done func(*Project, Generated, error) error) error {
	g := &generator{kept: &gen.Kept{}}
	runs := 0
	again := func() error {
		if runs%renewShared == 0 {
			g.shared = &load.Shared{}
		}
		runs++
		answer, err := g.run(ctx, p, gen.Write)
		if ctx.Err() != nil {
			return nil
		}
		return done(p, answer, err)
	}
	w := newWatcher(p)
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	err := again()
	if err == nil {
		g.prepare(ctx, p)
	}
	for {
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if !w.changed() {
			continue
		}
		if opened, openErr := Open(p.Dir); openErr != nil {
			err = done(p, Generated{}, openErr)
		} else { // trestle.yaml may be what changed
			p, w.p = opened, opened
			err = again()
		}
	}
}

// watcher looks for changes of a project's files.
type watcher struct {
	p          *Project
	done, last map[string]stamp // at the last change, and at the last look
}

func newWatcher(p *Project) *watcher {
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
func (p *Project) stamps() map[string]stamp {
	out := map[string]stamp{}
	if info, err := os.Stat(p.Path(ConfigName)); err == nil {
		out[ConfigName] = stamp{info.Size(), info.ModTime()}
	}
	root := p.Path(p.Config.Schemas)
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
