package ldm

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Tokenizer turns text into tokens as that of bert-base-uncased does: words in lower
// case and without accents, cut into the longest pieces that the vocabulary has
// (WordPiece).
type Tokenizer struct {
	ids                    map[string]int
	pad, unknown, cls, sep int
}

// Placeholder is the word of a prompt that stands for the anomaly.
const Placeholder = "*"

// ReadVocabulary reads a vocabulary, a token a line, whose ids are the numbers of the
// lines from 0 on.
func ReadVocabulary(path string) (*Tokenizer, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("vocabulary %s is missing: put the vocab.txt of bert-base-uncased there, 30,522 lines, from https://huggingface.co/bert-base-uncased", path)
	}
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	defer f.Close()
	t, err := newTokenizer(f)
	if err != nil {
		return nil, fmt.Errorf("vocabulary %s: %w", path, err)
	}
	return t, nil
}

//go:embed vocabulary.txt
var smallVocabulary string

// SmallTokenizer has the words of the prompts, and letters for all others.
func SmallTokenizer() *Tokenizer {
	t, err := newTokenizer(strings.NewReader(smallVocabulary))
	if err != nil {
		panic(err) // it is part of the program
	}
	return t
}

func newTokenizer(r io.Reader) (*Tokenizer, error) {
	t := &Tokenizer{ids: map[string]int{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		token := strings.TrimRight(lines.Text(), "\r")
		if !utf8.ValidString(token) {
			return nil, fmt.Errorf("line %d is no text", len(t.ids)+1)
		}
		if first, twice := t.ids[token]; twice {
			return nil, fmt.Errorf("lines %d and %d are both %q", first+1, len(t.ids)+1, token)
		}
		t.ids[token] = len(t.ids)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for token, id := range map[string]*int{"[PAD]": &t.pad, "[UNK]": &t.unknown, "[CLS]": &t.cls, "[SEP]": &t.sep} {
		at, ok := t.ids[token]
		if !ok {
			return nil, fmt.Errorf("no line is %s: want a vocabulary of BERT, a token a line", token)
		}
		*id = at
	}
	return t, nil
}

// Size is the number of tokens in the vocabulary.
func (t *Tokenizer) Size() int { return len(t.ids) }

// Encode gives the tokens of a text between a token of its start and one of its end,
// cut or padded to a length.
func (t *Tokenizer) Encode(text string, length int) []int {
	ids := append(append([]int{t.cls}, t.pieces(text)...), t.sep)
	if len(ids) > length {
		ids = append(ids[:length-1], t.sep)
	}
	for len(ids) < length {
		ids = append(ids, t.pad)
	}
	return ids
}

// ID is the token of a word that is one.
func (t *Tokenizer) ID(word string) (int, error) {
	ids := t.pieces(word)
	if len(ids) != 1 || ids[0] == t.unknown {
		return 0, fmt.Errorf("%q is %d tokens of the vocabulary: want a word that is one", word, len(ids))
	}
	return ids[0], nil
}

func (t *Tokenizer) pieces(text string) []int {
	var ids []int
	for _, word := range words(text) {
		ids = append(ids, t.piecesOf(word)...)
	}
	return ids
}

// longestWord is the number of characters above which words are unknown.
const longestWord = 100

// piecesOf cuts a word, always as late as possible. A word that cannot be cut is
// unknown as a whole.
func (t *Tokenizer) piecesOf(word string) []int {
	if utf8.RuneCountInString(word) > longestWord {
		return []int{t.unknown}
	}
	var ids []int
	for rest := word; rest != ""; {
		end, id, ok := len(rest), 0, false
		for ; end > 0; end-- {
			piece := rest[:end]
			if len(ids) > 0 {
				piece = "##" + piece
			}
			if id, ok = t.ids[piece]; ok {
				break
			}
		}
		if !ok {
			return []int{t.unknown}
		}
		ids, rest = append(ids, id), rest[end:]
	}
	return ids
}

// words splits a text at white space, around punctuation and around Chinese
// characters, in lower case, without accents and control characters.
func words(text string) []string {
	var b strings.Builder
	for _, r := range norm.NFD.String(text) {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			b.WriteByte(' ')
		case r == utf8.RuneError || control(r) || unicode.Is(unicode.Mn, r):
		case punctuation(r) || chinese(r):
			b.WriteString(" " + string(unicode.ToLower(r)) + " ")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Fields(b.String())
}

// control says that r is in one of the categories "other", unassigned ones included.
func control(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z)
}

// punctuation includes all symbols of ASCII.
func punctuation(r rune) bool {
	return r > ' ' && r < 127 && !unicode.IsLetter(r) && !unicode.IsDigit(r) || unicode.IsPunct(r)
}

// chinese says that r is in one of the blocks of CJK ideographs.
func chinese(r rune) bool { return unicode.Is(ideographs, r) }

var ideographs = &unicode.RangeTable{
	R16: []unicode.Range16{{0x3400, 0x4DBF, 1}, {0x4E00, 0x9FFF, 1}, {0xF900, 0xFAFF, 1}},
	R32: []unicode.Range32{{0x20000, 0x2A6DF, 1}, {0x2A700, 0x2B73F, 1}, {0x2B740, 0x2B81F, 1}, {0x2B820, 0x2CEAF, 1}, {0x2F800, 0x2FA1F, 1}},
}
