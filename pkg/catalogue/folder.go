package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lookEvery is how often the folder is looked at. All of it is read: times and
// sizes are not to be trusted on network file systems, nor within one tick of a
// clock, and notifications come neither there nor, reliably, where an orchestrator
// swaps a symbolic link for the whole folder.
const lookEvery = time.Second

// Run follows the folder until ctx ends, then returns nil.
func (d *Directory) Run(ctx context.Context) error {
	if d.dir == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(d.lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		found, err := readFolder(d.dir)
		if err != nil {
			d.lost(&d.folder, err)
			continue
		}
		d.take(&d.folder, found)
	}
}

// readFolder reads the store files at the top of dir. The error is that dir cannot
// be listed; that of a file is its document's.
func readFolder(dir string) ([]document, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, reason(err)
	}
	var found []document
	for _, entry := range entries {
		name := entry.Name()
		slug, is := strings.CutSuffix(name, ".json")
		if !is || strings.HasPrefix(name, ".") {
			continue
		}
		text, err := readFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // it was taken out since the folder was listed
		}
		if err != nil {
			err = fmt.Errorf("%w: %s: cannot be read: %w", ErrDocument, name, reason(err))
		}
		found = append(found, document{name: name, slug: slug, texts: [][]byte{text}, err: err})
	}
	return found, nil
}

// reason is an error without the path on this machine: the health of an edge is
// anybody's to read.
func reason(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// readFile reads a file, and no more of it than a byte above what a store may have.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file") // a pipe would be waited for
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxDocumentBytes+1))
}
