package cpu

// A MaxPool takes the maximum over 2x2 windows of stride 2 (a last odd row or
// column is left out, as PyTorch does).
type MaxPool struct {
	pool   *Pool
	isa    *isa
	x, y   View
	dy, dx View
	task   func(task, worker int)
}

// NewMaxPool prepares y = maxpool(x).
func NewMaxPool(p *Pool, x, y View) *MaxPool {
	m := &MaxPool{pool: p, isa: forChannels(x.C), x: x, y: y}
	m.task = m.forward
	return m
}

// NewMaxPoolBackward prepares dx from x and the gradient dy of the output: it
// goes to the first maximum of each window in row order.
func NewMaxPoolBackward(p *Pool, x, dy, dx View) *MaxPool {
	m := &MaxPool{pool: p, isa: forChannels(x.C), x: x, dy: dy, dx: dx}
	m.task = m.backward
	return m
}

// Run computes the prepared pass.
func (m *MaxPool) Run() { m.pool.Run(m.x.N*(m.x.H/2), m.task) }

func (m *MaxPool) forward(task, _ int) {
	n, r := task/m.y.H, task%m.y.H
	if r == 0 {
		m.y.ClearRing(n)
	}
	x0, x1, y := m.x.at(n, 2*r, 0), m.x.at(n, 2*r+1, 0), m.y.at(n, r, 0)
	for v := 0; v < m.x.C; v += m.isa.lanes {
		m.isa.max4(&m.y.Data[y+v], 4*m.y.Pixel, &m.x.Data[x0+v], &m.x.Data[x1+v], 4*m.x.Pixel, m.y.W)
	}
}

func (m *MaxPool) backward(task, _ int) {
	n, r := task/m.dy.H, task%m.dy.H
	if r == 0 {
		m.dx.ClearRing(n)
		for y := range m.dx.H { // what no window covers
			for x := range m.dx.W {
				if y >= 2*m.dy.H || x >= 2*m.dy.W {
					clear(m.dx.Data[m.dx.at(n, y, x):][:m.dx.C])
				}
			}
		}
	}
	x0, x1, dy := m.x.at(n, 2*r, 0), m.x.at(n, 2*r+1, 0), m.dy.at(n, r, 0)
	d0, d1 := m.dx.at(n, 2*r, 0), m.dx.at(n, 2*r+1, 0)
	for v := 0; v < m.x.C; v += m.isa.lanes {
		m.isa.max4Backward(&m.dx.Data[d0+v], &m.dx.Data[d1+v], 4*m.dx.Pixel,
			&m.x.Data[x0+v], &m.x.Data[x1+v], 4*m.x.Pixel, &m.dy.Data[dy+v], 4*m.dy.Pixel, m.dy.W)
	}
}
