package catalogue

import (
	"fmt"
	"io"
	"strings"
)

// Verify checks the shop documents in dir and returns the exit status of the process. If
// all are valid it lists them on stdout and returns 0. Otherwise it writes every fault
// to stderr, one a line, and returns 2. The products of the bucket CATALOGUE are not
// checked.
func Verify(dir string, stdout, stderr io.Writer) int {
	found, err := readFolder(dir)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if len(found) == 0 {
		fmt.Fprintf(stderr, "%s: no {slug}.json is there\n", dir)
		return 2
	}
	status := 0
	for _, doc := range found {
		err := doc.err
		if err == nil {
			var shop *Shop
			if shop, err = parse(doc, doc.texts[0]); err == nil {
				err = shop.LeftOut.Err()
			}
		}
		if err != nil {
			fmt.Fprintln(stderr, err)
			status = 2
		}
	}
	if status == 0 {
		names := make([]string, len(found))
		for i, doc := range found {
			names[i] = doc.slug
		}
		fmt.Fprintln(stdout, "right:", strings.Join(names, ", "))
	}
	return status
}
