package natstest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// PowerCut starts another server on what the disk has of this one, which goes on: a store that
// was never closed. Streams are copied one after the other, in the order of their names.
func (s *Server) PowerCut() *Server {
	s.t.Helper()
	to := storeDir(s.t)
	if err := copyStore(s.opts.StoreDir, to); err != nil {
		s.t.Fatalf("natstest: %v", err)
	}
	return start(s.t, options(to))
}

// copyStore copies a directory that is written to: what is removed meanwhile is not copied.
func copyStore(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o750)
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
