// Package listingtest is what the tests of the readers have in common.
package listingtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Text is a text as a file that was opened.
func Text(t testing.TB, content string) *text.File {
	t.Helper()
	f, err := text.Open(strings.NewReader(content), "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// File is a file of testdata that was opened.
func File(t testing.TB, name string) *text.File {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return Text(t, string(content))
}

// Read is all products of a reader, and its error.
func Read(t testing.TB, r listing.Reader) ([]listing.Product, error) {
	t.Helper()
	var all []listing.Product
	err := r.Read(t.Context(), func(p listing.Product) error {
		all = append(all, p)
		return nil
	})
	return all, err
}

// Golden compares the products of a reader with those of testdata/name.
func Golden(t *testing.T, r listing.Reader, name string) {
	t.Helper()
	products, err := Read(t, r)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	for _, p := range products {
		if err := e.Encode(p); err != nil { //nolint:musttag // a golden file has the fields' own names
			t.Fatal(err)
		}
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the products differ from %s; run with -update and look at the difference", path)
	}
}
