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

// defaultReadInterval is the time between two reads of the folder. Each read reads every
// file. Modification times and sizes miss changes on network file systems and within one
// tick of the clock. File notifications miss changes on network file systems and when an
// orchestrator replaces the folder's symbolic link.
const defaultReadInterval = time.Second

// Run applies the folder's changes until ctx ends, then returns nil.
func (d *Directory) Run(ctx context.Context) error {
	if d.dir == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(d.readInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		found, err := readFolder(d.dir)
		if err != nil {
			d.markUnreadable(&d.folder, err)
			continue
		}
		d.replaceAll(&d.folder, found)
	}
}

// readFolder reads the shop documents at the top of dir. It returns an error if dir
// cannot be listed. The error of one file is in its document.
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
			continue // the file was removed after the folder was listed
		}
		if err != nil {
			err = fmt.Errorf("%w: %s: cannot be read: %w", ErrDocument, name, reason(err))
		}
		found = append(found, document{name: name, slug: slug, texts: [][]byte{text}, err: err})
	}
	return found, nil
}

// reason is err without the path of the file. The public health endpoint shows it, and
// paths of this machine are nothing for the public.
func reason(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// readFile reads at most one byte more than MaxDocumentBytes, which is enough to find
// that a file is too large.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file") // reading a pipe would block
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxDocumentBytes+1))
}
