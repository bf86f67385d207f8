package ldm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWords has the cases of BERT's own tests, and some more.
func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		" \tHeLLo!how  \n Are yoU?  ":     {"hello", "!", "how", "are", "you", "?"},
		"H\u00E9llo":                      {"hello"},
		"ah\u535A\u63A8zz":                {"ah", "\u535A", "\u63A8", "zz"},
		"a close-up photo of a *":         {"a", "close", "-", "up", "photo", "of", "a", "*"},
		"\u00c5ngstr\u00f6m $5 \u20ac3":   {"angstrom", "$", "5", "\u20ac3"},
		"\u00bfqu\u00e9? \u201cyes\u201d": {"\u00bf", "que", "?", "\u201c", "yes", "\u201d"},
		"no\u00a0break\u200b here\u0007":  {"no", "break", "here"},
		"\u0130X \u1e9e":                  {"ix", "\u00df"},
		"\xff":                            nil,
		"":                                nil,
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%q is split into %q, want %q", text, got, want)
		}
	}
}

// TestWordPieces has the cases of BERT's own tests.
func TestWordPieces(t *testing.T) {
	vocabulary := []string{"[UNK]", "[CLS]", "[SEP]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ",", "[PAD]", "é"}
	tok, err := newTokenizer(strings.NewReader(strings.Join(vocabulary, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int{
		"UNwant\u00E9d,running": {7, 4, 5, 10, 8, 9},
		"unwanted running":      {7, 4, 5, 8, 9},
		"unwantedX running":     {0, 8, 9},
		"":                      nil,
	} {
		if got := tok.pieces(text); !slices.Equal(got, want) {
			t.Errorf("%q has pieces %v, want %v", text, got, want)
		}
	}
	if got := tok.pieces(strings.Repeat("want", 25)); len(got) != 25 {
		t.Errorf("a word of a hundred letters has pieces %v", got)
	}
	if got := tok.pieces(strings.Repeat("want", 26)); !slices.Equal(got, []int{0}) {
		t.Errorf("a longer word has pieces %v, want one that is unknown", got)
	}
	if got, want := tok.Encode("unwanted", 7), []int{1, 7, 4, 5, 2, 11, 11}; !slices.Equal(got, want) {
		t.Errorf("padded: %v, want %v", got, want)
	}
	if got, want := tok.Encode("unwanted", 4), []int{1, 7, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("cut: %v, want %v", got, want)
	}
	if _, err := tok.ID("unwanted"); err == nil || !strings.Contains(err.Error(), "3 tokens") {
		t.Errorf("a word of three tokens gives error %v", err)
	}
	if _, err := tok.ID("xyz"); err == nil {
		t.Error("an unknown word has a token")
	}
}

// Every prompt is made of whole words of the small vocabulary, and has one
// placeholder, which position "a photo of a *" has at 5.
func TestPrompts(t *testing.T) {
	tok := SmallTokenizer()
	star, err := tok.ID(Placeholder)
	if err != nil {
		t.Fatal(err)
	}
	prompts := Prompts()
	count := map[string]int{}
	for _, p := range prompts {
		count[p]++
		ids := tok.Encode(p, 16)
		if len(tok.pieces(p)) != len(words(p)) || slices.Contains(ids, tok.unknown) {
			t.Errorf("%q has tokens %v", p, ids)
		}
		if _, err := Splice(ids, star, 3); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	thrice := 0
	for _, n := range count {
		if n == 3 {
			thrice++
		}
	}
	if len(prompts) != 81 || len(count) != 57 || thrice != 12 {
		t.Errorf("%d prompts, %d of them distinct, %d there three times", len(prompts), len(count), thrice)
	}
	if prompts[0] != "a photo of a *" || prompts[27] != "an illustration of a *" || prompts[28] != "a rendering of a *" || prompts[80] != "a depiction of a small *" {
		t.Errorf("prompts %q", prompts)
	}
	if p := spliced(t, tok.Encode(prompts[0], 77), star, 12); p.From != 5 || p.To != 17 {
		t.Errorf("vectors are at %d to %d", p.From, p.To)
	}
	for _, word := range []string{"anomaly", "crack", "sculpture"} { // that learned vectors start from
		if _, err := tok.ID(word); err != nil {
			t.Error(err)
		}
	}
	if got := tok.pieces("Zipper: R2"); slices.Contains(got, tok.unknown) || len(got) != 9 {
		t.Errorf("a word that is not in the vocabulary has pieces %v", got)
	}
}

func TestVocabularyFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vocab.txt")
	if _, err := ReadVocabulary(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "bert-base-uncased") {
		t.Errorf("a missing vocabulary gives error %v", err)
	}
	for content, want := range map[string]string{
		"":                             "[", // a token that every vocabulary has
		"[PAD]\n[UNK]\n[CLS]\n":        "no line is [SEP]",
		"[PAD]\n[UNK]\n[UNK]\n[CLS]\n": `lines 2 and 3 are both "[UNK]"`,
		"[PAD]\n\xff\xfe\n":            "line 2 is no text",
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadVocabulary(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("vocabulary %q gives error %v, want %q", content, err, want)
		}
	}
	if err := os.WriteFile(path, []byte(smallVocabulary), 0o644); err != nil {
		t.Fatal(err)
	}
	tok, err := ReadVocabulary(path)
	if err != nil || tok.Size() != SmallTokenizer().Size() {
		t.Errorf("the small vocabulary read from a file: %v", err)
	}
}
