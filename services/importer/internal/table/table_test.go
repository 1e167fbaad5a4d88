package table_test

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// rows are the fields of all rows that a table has, and the lines they begin in.
func rows(content string) (fields [][]string, lines []int, err error) {
	t, err := table.NewReader(strings.NewReader(content))
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fields, lines, nil
		}
		if err != nil {
			return fields, lines, err
		}
		var one []string
		for i := range t.Header() {
			one = append(one, row.Field(i))
		}
		fields, lines = append(fields, one), append(lines, row.Line)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	want := [][]string{{"1", "two\nlines"}, {"3", `5" pipe`}}
	for name, content := range map[string]string{
		"commas":               "a,b\n1,\"two\nlines\"\n3,5\" pipe\n",
		"semicolons":           "a;b\n1;\"two\nlines\"\n3;5\" pipe\n",
		"tabs":                 "a\tb\n1\t\"two\nlines\"\n3\t5\" pipe\n",
		"bars":                 "a|b\n1|\"two\nlines\"\n3|5\" pipe\n",
		"CRLF":                 "a,b\r\n1,\"two\r\nlines\"\r\n3,5\" pipe\r\n",
		"CR":                   "a,b\r1,\"two\rlines\"\r3,5\" pipe\r",
		"no last line end":     "a,b\n1,\"two\nlines\"\n3,\"5\"\" pipe\"",
		"empty lines":          "\n\na,b\n\n1,\"two\nlines\"\n,\n3,5\" pipe\n\n",
		"Excel's first line":   "sep=;\r\na;b\r\n1;\"two\nlines\"\r\n3;5\" pipe",
		"commas in the header": "\"a, a, a\";b\n1;\"two\nlines\"\n3;5\" pipe\n",
		"more columns":         "a,b\n1,\"two\nlines\",,\n3,5\" pipe, \n",
		"space after a quote":  "a,b\n1,\"two\nlines\"  \n3,5\" pipe\n",
	} {
		got, _, err := rows(content)
		if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	_, lines, err := rows("a,b\n1,\"two\r\nlines\"\r\n\r\n3,4")
	if err != nil || !slices.Equal(lines, []int{2, 5}) {
		t.Errorf("lines %v, %v", lines, err)
	}
	got, _, err := rows("a,b,c\n1\n2,3\n")
	if err != nil || !slices.EqualFunc(got, [][]string{{"1", "", ""}, {"2", "3", ""}}, slices.Equal) {
		t.Errorf("short rows: %q, %v", got, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content, says string
		truncated     bool
	}{
		"nothing":                  {"", "line 1: the file is empty", false},
		"an open quote":            {"a,b\n1,2\n3,\"four\n5,6\n", "line 3: the file ends early", true},
		"a row that is cut":        {"a,b,c\n1,2,3\n4,5", "line 3: the file ends early", true},
		"a quote inside of quotes": {"a,b\n1,\"five\" pipe\"\n", "line 2: a quote inside", false},
		"NULs":                     {"a,b\n1,\x002\n", "line 2: holds a NUL", false},
		"a quote that never ends":  {"a,b\n1,\"" + strings.Repeat("x\n", 3<<20), "line 2: the row is larger", false},
		"too many columns":         {strings.Repeat("a,", 5000) + "\n", "line 1: has more than", false},
	} {
		_, _, err := rows(tt.content)
		if err == nil || !strings.HasPrefix(err.Error(), tt.says) || errors.Is(err, table.ErrTruncated) != tt.truncated || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A table that the standard library reads is read the same.
func FuzzReader(f *testing.F) {
	f.Add("a,b\n1,\"two\nlines\"\n3,4\n")
	f.Add("a;b\r\n\"1\";\"\"\"\"\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		got, _, err := rows(content)
		if err != nil || strings.ContainsAny(content, ";\t|\r \u00a0") || strings.HasPrefix(content, "sep=") {
			return
		}
		standard := csv.NewReader(strings.NewReader(content))
		standard.FieldsPerRecord = -1
		want, err := standard.ReadAll()
		if err != nil || len(want) == 0 {
			return
		}
		want = slices.DeleteFunc(want, func(row []string) bool {
			return !slices.ContainsFunc(row, func(s string) bool { return strings.TrimSpace(s) != "" })
		})
		if len(want) == 0 {
			return
		}
		for i, row := range want[1:] {
			for j := range min(len(row), len(want[0])) {
				if i >= len(got) || got[i][j] != strings.TrimSpace(row[j]) {
					t.Fatalf("row %d of %q: got %q, want %q", i, content, got, want[1:])
				}
			}
		}
	})
}
