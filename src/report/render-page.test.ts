// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { chartData } from './charts.ts';
import { findingsOf } from './findings.ts';
import { renderPage } from './render-page.ts';
import { reportWith } from './report.oracle.ts';

const ASSETS = { styles: ['.u{}'], scripts: [{ text: 'draw()', sha256: 'c2hh' }] };
const HOSTILE = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'&`;

/** Elements that the page is made of, by name. */
function tagsOf(page: string): Map<string, number> {
  const tags = new Map<string, number>();
  for (const [, name = ''] of page.matchAll(/<([a-z][a-z0-9]*)/gi)) {
    tags.set(name, (tags.get(name) ?? 0) + 1);
  }
  return tags;
}

describe('the page of a report', () => {
  it('has the same elements whatever text the trace brings', () => {
    const page = renderPage(reportWith(HOSTILE), ASSETS);
    expect(page.length).toBeGreaterThan(renderPage(reportWith('x'), ASSETS).length);
    expect(tagsOf(page)).toEqual(tagsOf(renderPage(reportWith('x'), ASSETS)));
    expect(page).toContain('&lt;img src=x onerror=&quot;alert(2)&quot;&gt;&#39;&amp;');
  });

  it('brings its data through, and nothing in it ends the element', () => {
    const report = reportWith(HOSTILE);
    const page = renderPage(report, ASSETS);
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1];
    expect(JSON.parse(data ?? '')).toEqual(chartData(report.result));
  });

  it('lets no script run but its own, and fetches nothing', () => {
    const page = renderPage(reportWith('x'), ASSETS);
    expect(page).toContain('default-src &#39;none&#39;');
    expect(page).toContain('script-src &#39;sha256-c2hh&#39;');
    expect(page).not.toMatch(/(?:src|href)="/);
  });

  it('refuses a script that would end its element', () => {
    const scripts = [{ text: '"</script>"', sha256: '' }];
    expect(() => renderPage(reportWith('x'), { ...ASSETS, scripts })).toThrow('would end it');
  });

  it('tells how many rows a table leaves out, and what the trace lacks', () => {
    const page = renderPage(reportWith('x'), ASSETS);
    expect(page).toContain('and 11 more functions');
    expect(page).toContain('7 accesses that QEMU reported outside any block');
    expect(page).toContain('<span class="bad">3 bytes unexplained</span>');
    expect(page).toContain('estimated from one line in 4');
  });

  it('warns of a trace that was cut and of one that is wrong on purpose', () => {
    const whole = reportWith('x');
    const facts = { ...whole.result.facts, complete: false, deliberateFault: 'drop:5' };
    const page = renderPage({ ...whole, result: { ...whole.result, facts } }, ASSETS);
    expect(page).toContain('The recording was cut');
    expect(page).toContain('made for a test with the fault drop:5');
    expect(renderPage(whole, ASSETS)).not.toContain('class="warning"');
  });

  it('does without address spaces, and says why they are not there', () => {
    const whole = reportWith('x');
    const { capabilities } = whole.result.facts;
    const unknown = { status: 'no', why: 'CR3 is not known' } as const;
    const facts = {
      ...whole.result.facts,
      capabilities: { ...capabilities, 'address-space': unknown },
    };
    const result = { ...whole.result, facts, addressSpaces: null };
    const page = renderPage({ ...whole, result }, ASSETS);
    expect(page).toContain('By address space: not known');
    expect(page).toContain('CR3 is not known');
    expect(chartData(result).series.map(({ id }) => id)).not.toContain('spaces');
  });
});

describe('the page of a report of several vCPUs', () => {
  const { result, ...whole } = reportWith('x');
  const vcpus = (count: number) =>
    Array.from({ length: count }, (_, vcpu) => ({ vcpu, accesses: [vcpu + 1, 0] }));
  const pageOf = (count: number): string => {
    const windowVcpus = vcpus(count).map(({ vcpu }) => vcpu);
    const rate = { ...result.rate, vcpus: vcpus(count) };
    const parameters = { ...whole.parameters, windowVcpus };
    return renderPage({ ...whole, parameters, result: { ...result, rate } }, ASSETS);
  };

  it('says that their time is not one, and shows each in its own', () => {
    const page = pageOf(3);
    expect(page).toContain(
      'By vCPU: vCPU 0 makes 16.7 %, vCPU 1 makes 33.3 %, vCPU 2 makes 50.0 %',
    );
    expect(page).toContain(
      'a window adds up what 3 vCPUs did in theirs, which was not at one time',
    );
    expect(page).toContain('id="vcpus"');
    expect(pageOf(1)).not.toMatch(/By vCPU|at one time|id="vcpus"/);
  });

  it('draws a series for each, as far as colours go', () => {
    const chartOf = (count: number) =>
      chartData({ ...result, rate: { ...result.rate, vcpus: vcpus(count) } }).series.find(
        ({ id }) => id === 'vcpus',
      )?.series;
    expect(chartOf(1)).toBeUndefined();
    expect(chartOf(2)?.map(({ label, values }) => [label, values])).toEqual([
      ['vCPU 0', [1, 0]],
      ['vCPU 1', [2, 0]],
    ]);
    expect(chartOf(8)?.at(-1)).toMatchObject({ label: '2 others', values: [7 + 8, 0] });
  });
});

describe('charts', () => {
  it('have an edge more than windows, and every access in one series', () => {
    const { result } = reportWith('x');
    const [rate, spaces, footprint] = chartData(result).series;
    for (const chart of [rate, spaces]) {
      expect(chart?.x).toEqual([0, 100, 200]);
      const all = chart?.series.flatMap(({ values }) => values) ?? [];
      expect(all.reduce((sum, count) => sum + count, 0)).toBe(1000);
    }
    expect(rate?.series.map(({ label, values }) => [label, values])).toEqual([
      ['kernel (CPL 0)', [375, 375]],
      ['user (CPL 3)', [125, 125]],
    ]);
    expect(footprint?.series[0]?.values).toEqual([1024, 1024]);
  });

  it('sum up the address spaces that have no colour of their own', () => {
    const { result } = reportWith('x');
    const [one] = result.addressSpaces?.rows ?? [];
    if (one === undefined) throw new Error('no row');
    const rows = Array.from({ length: 9 }, (_, i) => ({
      ...{ ...one, number: i + 1, accesses: 10 - i, byWindow: [10 - i, 0] },
    }));
    const { series } = chartData({ ...result, addressSpaces: { isolated: false, rows } });
    const spaces = series.find(({ id }) => id === 'spaces')?.series;
    expect(spaces?.map(({ values }) => values[0])).toEqual([10, 9, 8, 7, 6, 5, 4 + 3 + 2]);
    expect(spaces?.at(-1)?.label).toBe('3 others');
  });

  it('mark bands that do not follow the one before', () => {
    expect(chartData(reportWith('x').result).heat.rows.map(({ follows }) => follows)).toEqual([
      false,
      true,
    ]);
  });
});

it('the size of what is touched is said in lines and in pages, and which is which', () => {
  const whole = reportWith('x');
  const page = renderPage(whole, ASSETS);
  expect(page).toMatch(
    />4\.00 KiB<[^>]*>[^>]*>in pages touched \(1\); 2\.00 KiB in lines touched</,
  );
  expect(page).toContain('2.00 KiB in all; whole pages: 4.00 KiB<');
  const footprint = { ...whole.result.footprint, sampledOneIn: 4 };
  const estimated = { ...whole, result: { ...whole.result, footprint } };
  expect(findingsOf(estimated.result).footprint).toMatch(
    /4\.00 KiB; estimated from one page in 4$/,
  );
  expect(renderPage(estimated, ASSETS)).toContain('2.00 KiB in lines touched; estimated<');
});

it('titles say what is to be seen', () => {
  expect(findingsOf(reportWith('x').result)).toMatchObject({
    rate: '5000 accesses per 1,000 instructions; 25.0 % of them by user code (CPL 3)',
    spaces: '1 address space; number 1 makes 100 % of the accesses',
    footprint:
      'at most 1.00 KiB of lines are touched in one window, 2.00 KiB in all; whole pages: 4.00 KiB',
    reuse: '32.0 KiB miss 30.0 %, 1.00 MiB miss 10.0 %',
  });
});
