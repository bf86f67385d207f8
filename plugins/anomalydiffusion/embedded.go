package anomalydiffusion

// smallWeights is the checkpoint of the small model that comes with the program, as
// package pretraining makes it; empty where the program was built without.
var smallWeights []byte
