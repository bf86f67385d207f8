package dataset_test

import (
	"fmt"
	"log"

	"github.com/anobench/anobench/dataset"
)

func Example() {
	d, faults, err := dataset.Open("testdata/mvtec")
	if err != nil {
		log.Fatal(err)
	}
	if err := dataset.FaultError(faults); err != nil {
		log.Fatal(err)
	}
	for _, c := range d.Categories {
		s := c.Split(dataset.SplitPaper)
		for i, defect := range s.Test {
			fmt.Println(c.Name, defect.Name, len(s.Train[i].Items), "to train,", len(defect.Items), "to test")
		}
	}
	m, err := dataset.ReadImage(d.Categories[0].TrainGood[0].Path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(dataset.LocalizerTrainImage(m, 64, 64)), "numbers in [0, 1]")
	// Output:
	// bolt scratch 1 to train, 2 to test
	// 12288 numbers in [0, 1]
}
