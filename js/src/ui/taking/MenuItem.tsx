interface Props {
  label: string;
  help: string;
  disabled?: boolean;
  onClick(): void;
}

/** One thing that can be taken, with what it is. */
export function MenuItem({ label, help, disabled = false, onClick }: Props) {
  return (
    <div class="xai-menu-item">
      <button type="button" class="xai-button" disabled={disabled} onClick={onClick}>
        {label}
      </button>
      <span class="xai-menu-help">{help}</span>
    </div>
  );
}
