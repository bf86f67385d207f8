package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Status is how a run under way goes. Its process leaves one in the store every
// second for whoever looks on.
type Status struct {
	Run      string        `json:"run"`
	Dir      string        `json:"dir"`
	Host     string        `json:"host"`
	PID      int           `json:"pid"`
	Started  time.Time     `json:"started"`
	Updated  time.Time     `json:"updated"`
	Steps    int           `json:"steps"`
	Finished int           `json:"finished"`
	Failed   int           `json:"failed,omitempty"`
	Left     time.Duration `json:"left,omitempty"` // roughly; 0: not known
	Running  []RunningStep `json:"running"`        // in plan order
}

// A RunningStep is a step under way.
type RunningStep struct {
	Step    string    `json:"step"`
	Started time.Time `json:"started"`
	Progress
}

const (
	statusBeat  = time.Second
	statusStale = 15 * time.Second
)

// Statuses tells how the runs go that use the store now.
func (s *Store) Statuses() ([]Status, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "running", "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Status
	for _, path := range files {
		raw, err := os.ReadFile(path)
		var one Status
		if err != nil || json.Unmarshal(raw, &one) != nil || one.dead() {
			continue // ended just now, or long ago
		}
		out = append(out, one)
	}
	return out, nil
}

// dead says whether the run is gone without a word.
func (s Status) dead() bool {
	return time.Since(s.Updated) > statusStale || s.Host == hostname() && !alive(s.PID)
}

// statusFile is where a run of this process leaves its status.
func (s *Store) statusFile() string {
	return filepath.Join(s.dir, "running", fmt.Sprintf("%s@%d.json", hostname(), os.Getpid()))
}

// publish leaves the run's status, at most every statusBeat. Nothing depends on it, so
// that what goes wrong, a full disk say, is for the steps to report.
func (r *run) publish() {
	if time.Since(r.published) < statusBeat {
		return
	}
	r.published = time.Now()
	s := Status{
		Run: r.plan.Config.Name, Dir: r.options.Dir, Host: hostname(), PID: os.Getpid(), Started: r.began, Updated: r.published,
		Steps: len(r.plan.Steps), Finished: r.done(), Failed: len(r.errs), Left: r.left(),
	}
	for _, step := range r.plan.Steps {
		if u := r.under[step.Key]; u != nil {
			s.Running = append(s.Running, *u)
		}
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return
	}
	path := r.options.Store.statusFile()
	if os.WriteFile(path+".tmp", raw, 0o666) != nil || os.Rename(path+".tmp", path) != nil {
		os.Remove(path + ".tmp")
	}
}

// done counts the steps that nothing has to be done for any more.
func (r *run) done() int {
	n := len(r.plan.Steps)
	for _, s := range r.state {
		if s == wanted || s == running || s == failed {
			n--
		}
	}
	return n
}

// left is roughly the time to the run's end: what work remains, at the pace of the
// finished steps of its kind, or else of those under way. It is 0 as long as a kind
// has no pace.
func (r *run) left() time.Duration {
	seconds, work := make(map[Kind]float64), make(map[Kind]float64)
	for _, s := range r.plan.Steps {
		if record := r.records[s.Key]; record != nil {
			seconds[s.Kind] += record.Cost.WallSeconds
			work[s.Kind] += float64(max(s.Work, 1))
		}
	}
	for _, s := range r.plan.Steps {
		if u := r.under[s.Key]; u != nil && work[s.Kind] == 0 && u.Left > 0 {
			seconds[s.Kind] = (time.Since(u.Started) + u.Left).Seconds()
			work[s.Kind] = float64(max(s.Work, 1))
		}
	}
	sum, longest := 0.0, 0.0
	for _, s := range r.plan.Steps {
		state := r.state[s.Key]
		if state != wanted && state != running {
			continue
		}
		if work[s.Kind] == 0 {
			return 0
		}
		remains := float64(max(s.Work, 1)) * seconds[s.Kind] / work[s.Kind]
		if u := r.under[s.Key]; u != nil {
			remains = max(remains-time.Since(u.Started).Seconds(), 0)
			if u.Left > 0 {
				remains = u.Left.Seconds()
			}
		}
		sum, longest = sum+remains, max(longest, remains)
	}
	return time.Duration(max(sum/float64(r.options.Jobs), longest) * float64(time.Second))
}
