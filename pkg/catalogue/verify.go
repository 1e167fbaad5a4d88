package catalogue

import (
	"fmt"
	"io"
	"strings"
)

// Verify tells on stdout whether all store files in dir are right, and on stderr
// every fault of every file, a line each. It returns the process's exit status: 0
// if they are right, else 2.
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
			_, err = parse(doc, doc.texts[0])
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
