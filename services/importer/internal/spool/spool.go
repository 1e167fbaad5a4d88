// Package spool brings a source to a file that can be read several times: a file itself,
// the standard input, or an address of the web. What comes by a pipe or by HTTP is copied
// to a temporary file first, whole, so that a transfer that breaks off changes nothing.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
)

// MaxBytes is the largest size of a source.
const MaxBytes = 1 << 30

// downloadTimeout bounds a download.
const downloadTimeout = 15 * time.Minute

// IsAddress reports whether a source is an address of the web.
func IsAddress(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// Open opens a source: a path, an address, or "-" for in. The caller calls done at the end.
func Open(ctx context.Context, source string, in io.Reader) (file *os.File, done func(), err error) {
	switch {
	case source == "-":
		return copied(in)
	case IsAddress(source):
		return download(ctx, source)
	}
	file, err = os.Open(source)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", source)
	case !info.Mode().IsRegular():
		defer file.Close()
		return copied(file)
	case info.Size() > MaxBytes:
		err = errTooLarge
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, func() { _ = file.Close() }, nil
}

var errTooLarge = fmt.Errorf("is larger than %d MiB", MaxBytes>>20)

// copied is a temporary file with all of in.
func copied(in io.Reader) (*os.File, func(), error) {
	file, err := os.CreateTemp("", "wandstore-import-*")
	if err != nil {
		return nil, nil, err
	}
	done := func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	n, err := io.Copy(file, io.LimitReader(in, MaxBytes+1))
	if err == nil && n > MaxBytes {
		err = errTooLarge
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return file, done, nil
}

func download(ctx context.Context, address string) (*os.File, func(), error) {
	res, err := resty.New().SetTimeout(downloadTimeout).SetRedirectPolicy(resty.FlexibleRedirectPolicy(5)).
		R().SetContext(ctx).SetDoNotParseResponse(true).Get(address)
	if err != nil {
		return nil, nil, err
	}
	body := res.RawBody()
	defer body.Close()
	if res.StatusCode() != http.StatusOK {
		return nil, nil, fmt.Errorf("%s answers %s", address, res.Status())
	}
	// A body that is shorter than its Content-Length is an error of the copying.
	file, done, err := copied(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	return file, done, nil
}
