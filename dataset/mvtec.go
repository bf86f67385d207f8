package dataset

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mvtecCounts are the published numbers of images of MVTec AD, a line a
// category: train/good, test/good, then each folder of defects.
const mvtecCounts = `
bottle 209 20 broken_large 20 broken_small 22 contamination 21
cable 224 58 bent_wire 13 cable_swap 12 combined 11 cut_inner_insulation 14 cut_outer_insulation 10 missing_cable 12 missing_wire 10 poke_insulation 10
capsule 219 23 crack 23 faulty_imprint 22 poke 21 scratch 23 squeeze 20
carpet 280 28 color 19 cut 17 hole 17 metal_contamination 17 thread 19
grid 264 21 bent 12 broken 12 glue 11 metal_contamination 11 thread 11
hazelnut 391 40 crack 18 cut 17 hole 18 print 17
leather 245 32 color 19 cut 19 fold 17 glue 19 poke 18
metal_nut 220 22 bent 25 color 22 flip 23 scratch 23
pill 267 26 color 25 combined 17 contamination 21 crack 26 faulty_imprint 19 pill_type 9 scratch 24
screw 320 41 manipulated_front 24 scratch_head 24 scratch_neck 25 thread_side 23 thread_top 23
tile 230 33 crack 17 glue_strip 18 gray_stroke 16 oil 18 rough 15
toothbrush 60 12 defective 30
transistor 213 60 bent_lead 10 cut_lead 10 damaged_case 10 misplaced 10
wood 247 19 color 8 combined 11 hole 10 liquid 10 scratch 21
zipper 240 32 broken_teeth 19 combined 16 fabric_border 17 fabric_interior 16 rough 17 split_teeth 18 squeezed_teeth 16
`

// mvtecCategory returns the published counts of a category of MVTec AD by
// folder ("train/good", "test/crack", ...), nil if it is not one.
func mvtecCategory(name string) map[string]int {
	for line := range strings.Lines(mvtecCounts) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != name {
			continue
		}
		counts := map[string]int{"train/good": atoi(f[1]), "test/good": atoi(f[2])}
		for defect := range slices.Chunk(f[3:], 2) {
			counts["test/"+defect[0]] = atoi(defect[1])
		}
		return counts
	}
	return nil
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("dataset: table of MVTec AD: " + err.Error())
	}
	return n
}

// checkCounts compares a category with MVTec AD's of that name, if its folders
// of defects are all MVTec AD's and more than half of them: then it is a copy,
// maybe damaged, and not another product of the same name.
func checkCounts(c *Category, faults *faultList) {
	want := mvtecCategory(c.Name)
	if want == nil {
		return
	}
	have := map[string]int{"train/good": len(c.TrainGood), "test/good": len(c.TestGood)}
	for _, d := range c.Defects {
		have["test/"+d.Name] = len(d.Items)
		if want["test/"+d.Name] == 0 {
			return
		}
	}
	if 2*len(c.Defects) <= len(want)-2 {
		return
	}
	for _, folder := range slices.Sorted(maps.Keys(want)) {
		if n := have[folder]; n != want[folder] {
			faults.add(Warning, "count", filepath.Join(c.Dir, folder), fmt.Sprintf("has %d images, MVTec AD has %d", n, want[folder]),
				"results will not compare with published ones; unpack the original archive again, or rename the category if it is not MVTec AD's")
		}
	}
}
