package cpu

import "golang.org/x/sys/cpu"

func native() []*isa {
	var found []*isa
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ {
		found = append(found, &isa{"avx512", 16, tilesAVX512, momentsAVX512, affineAVX512, normReduceAVX512, normBackwardAVX512,
			max4AVX512, max4BackwardAVX512, lerpPixelsAVX512, spreadPixelsAVX512, lerpAVX512, transposeAVX512, maxIntoAVX512, routeMaxAVX512, axpyAVX512, addAVX512, mulAVX512, distanceAVX512, adamAVX512, expAVX512, logAVX512, sigmoidAVX512, normalCDFAVX512, largestAVX512, sumFoursAVX512,
			winoKernels{winoInputAVX512, winoGradientAVX512, winoFilterAVX512, winoOutputAVX512, winoFilterGradientAVX512}})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		found = append(found, &isa{"avx2", 8, tilesAVX2, momentsAVX2, affineAVX2, normReduceAVX2, normBackwardAVX2,
			max4AVX2, max4BackwardAVX2, lerpPixelsAVX2, spreadPixelsAVX2, lerpAVX2, transposeAVX2, maxIntoAVX2, routeMaxAVX2, axpyAVX2, addAVX2, mulAVX2, distanceAVX2, adamAVX2, expAVX2, logAVX2, sigmoidAVX2, normalCDFAVX2, largestAVX2, sumFoursAVX2,
			winoKernels{winoInputAVX2, winoGradientAVX2, winoFilterAVX2, winoOutputAVX2, winoFilterGradientAVX2}})
	}
	return found
}
