package text_test

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/wandstore/wandstore/services/importer/internal/text"
)

func read(content, encoding string) (got, notice string, err error) {
	f, err := text.Open(strings.NewReader(content), encoding)
	if err != nil {
		return "", "", err
	}
	var b []byte
	for range 2 { // it can be read several times
		in, err := f.Reader()
		if err != nil {
			return "", "", err
		}
		if b, err = io.ReadAll(in); err != nil {
			return "", "", err
		}
	}
	return string(b), f.Notice, nil
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const western = "Title\nCafé “Größe” – 5 €, and a line of words around it\n"
	const japaneseText = "タイトル\n湯呑み茶碗、青\n"
	encoded := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ansi := encoded(charmap.Windows1252.NewEncoder().String(western))
	cyrillic := encoded(charmap.Windows1251.NewEncoder().String("Название\nкружка для чая\n"))
	shift := encoded(japanese.ShiftJIS.NewEncoder().String(japaneseText))
	little := encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(western))
	big := encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(western))
	for name, tt := range map[string]struct{ content, encoding, want, notice, fault string }{
		"UTF-8":                   {western, "", western, "", ""},
		"UTF-8 with a mark":       {"\ufeff" + western, "", western, "", ""},
		"UTF-8, marked and named": {"\ufeff" + western, "utf-8", western, "", ""},
		"UTF-16, little":          {little, "", western, "", ""},
		"UTF-16, named":           {little, "utf-16", western, "", ""},
		"UTF-16, big":             {big, "", western, "", ""},
		"UTF-16 without a mark":   {little[2:], "", "", "", "line 1: holds a NUL"},
		"Windows-1252":            {ansi, "", western, "line 2: is not UTF-8; the file was read as Windows-1252", ""},
		"both":                    {western + ansi, "", "", "", "line 4: is not valid UTF-8, and other lines are"},
		"Cyrillic":                {cyrillic, "", "", "", "line 1: is not UTF-8, and hardly"},
		"Cyrillic, named":         {cyrillic, "windows-1251", "Название\nкружка для чая\n", "", ""},
		"Japanese":                {shift, "", "", "", "line 1: is"},
		"Japanese, named":         {shift, "shift_jis", japaneseText, "", ""},
		"a name that is none":     {western, "klingon", "", "", `"klingon" is not the name`},
		"declared Latin-1":        {"<?xml version='1.0' encoding='iso-8859-1'?>\n<t>Caf\xe9</t>", "", "<?xml version='1.0' encoding='iso-8859-1'?>\n<t>Café</t>", "", ""},
		"declared Cyrillic":       {`<?xml version="1.0" encoding="windows-1251"?>` + cyrillic, "", `<?xml version="1.0" encoding="windows-1251"?>` + "Название\nкружка для чая\n", "", ""},
		"declared, and UTF-8":     {`<?xml version="1.0" encoding="iso-8859-1"?>é`, "", `<?xml version="1.0" encoding="iso-8859-1"?>é`, "", ""},
		"declared as nothing":     {"<?xml version=\"1.0\" encoding=\"klingon\"?>\xe9", "", "", "", `line 1: is in the encoding "klingon"`},
		"a workbook":              {"PK\x03\x04", "", "", "", "line 1: the file is a workbook"},
		"a page of a website":     {"\n<!DOCTYPE HTML>\n<html>", "", "", "", "line 1: the file is a page of a website"},
		"compressed":              {"\x1f\x8b\x08", "", "", "", "line 1: the file is compressed"},
		"a character at a border": {strings.Repeat("x", 64<<10-1) + "é", "", strings.Repeat("x", 64<<10-1) + "é", "", ""},
		"a character that is cut": {"é x \xc3", "", "", "", "line 1: is not valid UTF-8"},
		"nothing":                 {"", "", "", "", ""},
	} {
		got, notice, err := read(tt.content, tt.encoding)
		if tt.fault != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.fault) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %q", name, err, tt.fault)
			}
			continue
		}
		if err != nil || got != tt.want || notice != tt.notice {
			t.Errorf("%s: %q, %q, %v", name, got, notice, err)
		}
	}
}
