/** A line that is seen on any picture: dark under light, and equally wide at any size. */
export function Line({ path, dashed = false }: { path: string; dashed?: boolean }) {
  return (
    <g class="xai-line" data-dashed={dashed}>
      <path d={path} />
      <path d={path} />
    </g>
  );
}
